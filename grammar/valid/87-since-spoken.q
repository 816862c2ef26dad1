# instant, duration, unit
#= failures since 7d by reason
failures by reason since 7 days
