# expr
#! error: `-` cannot combine a string and a whole number
#!   | failures by service show max(reason) - 1
#!   |                          ^^^^^^^^^^^^^^^
#!   = help: `number(x)` converts a string to a number
failures by service show max(reason) - 1
