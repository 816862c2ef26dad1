# duration, integer
#! error: missing time unit in `7`
#!   | failures since 7
#!   |                ^ such as `7d` or `7h`
#!   = units: s, m (or min), h, d, w, mo, y
failures since 7
