# comparison, value
#! error: a value after `=` is expected, but the query ends
#!   | failures where reason =
#!   |                        ^ here
failures where reason =
