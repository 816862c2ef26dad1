# window, since, until
#= failures since 2026-03-01 until 2026-03-04
failures until 2026-03-04 since 2026-03-01
