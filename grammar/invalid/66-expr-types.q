# expr
#! error: `-` does not go with a text and a whole number
#!   | failures by service show max(reason) - 1
#!   |                          ^^^^^^^^^^^^^^^
#!   = help: `number(x)` reads the number that a text spells
failures by service show max(reason) - 1
