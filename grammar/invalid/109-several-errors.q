# clause: each can have its own
#! error: `by` is a keyword, and a value is expected after `=`
#!   | failures where reason = by since 7x limit none
#!   |                         ^^ as a value it is written 'by'
#!
#! error: `x` is not a time unit
#!   | failures where reason = by since 7x limit none
#!   |                                  ^^ not a duration
#!   = units: s, m (or min), h, d, w, mo, y
#!
#! error: a number after `limit` is expected, not `none`
#!   | failures where reason = by since 7x limit none
#!   |                                           ^^^^
failures where reason = by since 7x limit none
