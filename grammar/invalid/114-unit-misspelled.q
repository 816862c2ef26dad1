# unit, duration
#! error: `dyas` is not a time unit
#!   | failures since 7 dyas
#!   |                ^^^^^^ did you mean `days`?
#!   = units: s, m (or min), h, d, w, mo, y
failures since 7 dyas
