# unit: min is m
#= failures since 90m
failures since 90min
