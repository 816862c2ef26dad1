# comparison
#! error: `>` cannot be used with `ran`, which is a true-or-false field
#!   | failures where ran > true
#!   |                      ^^^^
failures where ran > true
