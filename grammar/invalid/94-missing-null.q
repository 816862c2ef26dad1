# missing
#! error: unexpected `null`: expected `missing`
#!   | failures where reason is null
#!   |                          ^^^^
#!   = help: `is` takes `missing` or `not missing`; use `=` to compare values
failures where reason is null
