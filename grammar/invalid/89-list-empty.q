# list
#! error: unexpected `)`: expected a value after `in`
#!   | failures where reason in ()
#!   |                           ^
failures where reason in ()
