# clause: each can have its own
#! error: unexpected keyword `by`: expected a value after `=`
#!   | failures where reason = by since 7x limit none
#!   |                         ^^ to use it as a value, write 'by'
#!
#! error: `x` is not a time unit
#!   | failures where reason = by since 7x limit none
#!   |                                  ^^ not a duration
#!   = units: s, m (or min), h, d, w, mo, y
#!
#! error: unexpected `none`: expected a number after `limit`
#!   | failures where reason = by since 7x limit none
#!   |                                           ^^^^
failures where reason = by since 7x limit none
