# comparison, value
#! error: unexpected end of query: expected a value after `=`
#!   | failures where reason =
#!   |                        ^ here
failures where reason =
