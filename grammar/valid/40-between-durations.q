# between, instant
failures between 7d and 1h30m
