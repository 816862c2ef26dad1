# range
#! error: a value after `..` is expected, but the query ends
#!   | failures where exit_code in 1..
#!   |                                ^ here
failures where exit_code in 1..
