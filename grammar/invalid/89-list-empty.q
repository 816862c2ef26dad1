# list
#! error: a value after `in` is expected, not `)`
#!   | failures where reason in ()
#!   |                           ^
failures where reason in ()
