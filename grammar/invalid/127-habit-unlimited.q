# limit: no number
#! error: unexpected `none`: expected a number after `limit`
#!   | failures limit none
#!   |                ^^^^
#!   = help: did you mean `failures limit all`?
failures limit none
