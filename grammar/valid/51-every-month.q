# every: the calendar
#= failures since 1y by reason every 1mo
failures by reason every 1mo since 1y
