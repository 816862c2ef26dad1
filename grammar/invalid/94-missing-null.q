# missing
#! error: unexpected `null`: expected `missing`
#!   | failures where reason is null
#!   |                          ^^^^
#!   = help: did you mean `failures where reason is missing`?
failures where reason is null
