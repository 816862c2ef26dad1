# range
#! error: unexpected end of query: expected a value after `..`
#!   | failures where exit_code in 1..
#!   |                                ^ here
failures where exit_code in 1..
