# test: a call on the left
failures where hour(time) >= 22 and weekday(time) = Mon
