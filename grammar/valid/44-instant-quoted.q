# instant, string, datetime
#= failures since 2026-03-04T02:10:30.25
failures since '2026-03-04 02:10:30.250'
