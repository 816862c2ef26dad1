# datetime
#= failures since 2026-03-04T05:00 by reason
failures since 2026-03-04 05:00 by reason
