# instant
#= failures since 1h30m until 5m
failures since 1 hour 30 minutes ago until 5 mins ago
