# missing
#! error: `missing` is expected, not `null`
#!   | failures where reason is null
#!   |                          ^^^^
#!   = help: `is missing`, `is not missing`; values are compared with `=`
failures where reason is null
