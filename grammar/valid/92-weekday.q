# instant, weekday
#= failures on monday by reason
failures on Mon by reason
