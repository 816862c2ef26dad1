# Everything that failed within 15 min on both sides of 02:10 UTC
failures around 2026-03-04T02:10Z within 15m show time, kind, service, reason sort time
