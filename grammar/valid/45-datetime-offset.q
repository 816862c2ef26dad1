# datetime: a literal offset is kept
#= failures since 2026-03-04T02:10+09:00
failures since 2026-03-04T02:10:00+09:00
