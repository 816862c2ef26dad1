# sort, sort_key
#= failures by cluster, reason sort cluster, -count
failures by cluster, reason sort cluster asc, count desc
