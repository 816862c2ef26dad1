# every
#! error: the window has 7776000 steps, more than the 100000 that are filled
#!   | failures every 1s since 90d
#!   |                ^^ take a longer step, or add `nofill`
failures every 1s since 90d
