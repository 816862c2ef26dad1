# since, unit
#! error: `x` is not a time unit
#!   | failures since 7x
#!   |                ^^ not a duration
#!   = units: s, m (or min), h, d, w, mo, y
failures since 7x
