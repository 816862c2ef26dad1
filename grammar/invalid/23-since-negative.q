# since, duration
#! error: a duration has no sign, but `-7d` starts with one
#!   | failures since -7d
#!   |                ^^^ write `7d`: it always counts back
failures since -7d
