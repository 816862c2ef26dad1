# limit
failures since 7d limit all
