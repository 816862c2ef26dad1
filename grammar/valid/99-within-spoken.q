# around, duration
#= failures around 2026-03-04T02:10Z within 15m
failures around 2026-03-04T02:10Z within 15 minutes
