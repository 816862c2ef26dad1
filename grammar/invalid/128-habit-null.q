# missing: of other languages
#! error: unexpected `null`: expected `missing`
#!   | failures where service is not null
#!   |                               ^^^^
#!   = help: did you mean `failures where service is not missing`?
failures where service is not null
