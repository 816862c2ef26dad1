# value
#! error: unexpected keyword `by`: expected a value after `=`
#!   | failures where reason = by
#!   |                         ^^ to use it as a value, write 'by'
failures where reason = by
