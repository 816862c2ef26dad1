# every
#! error: the window has 7776000 steps; at most 100000 can be filled
#!   | failures every 1s since 90d
#!   |                ^^ use a longer step, or add `nofill`
failures every 1s since 90d
