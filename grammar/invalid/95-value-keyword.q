# value
#! error: `by` is a keyword, and a value is expected after `=`
#!   | failures where reason = by
#!   |                         ^^ as a value it is written 'by'
failures where reason = by
