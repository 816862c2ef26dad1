# comparison
#! error: `>` does not go with `ran`, which is true or false
#!   | failures where ran > true
#!   |                      ^^^^
failures where ran > true
