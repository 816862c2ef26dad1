# every, unit
#= failures every 1h
failures every hour
