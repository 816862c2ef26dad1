# query, later_stage
#= failures since 30d by service, reason | by service show max(count) as most | where most > 3 | limit 5
failures by service, reason since 30d | by service show max(count) as most | where most > 3 | limit 5
