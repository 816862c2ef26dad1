# sort, sort_key
#= failures sort -time, service
failures sort -time, service
