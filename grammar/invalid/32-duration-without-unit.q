# duration, integer
#! error: `7` has no time unit
#!   | failures since 7
#!   |                ^ such as `7d` or `7h`
#!   = units: s, m (or min), h, d, w, mo, y
failures since 7
