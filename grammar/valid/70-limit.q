# limit, integer
failures limit 1000
