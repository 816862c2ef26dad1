# name, letter
#! error: a name after `as` is expected, not `2nd`
#!   | failures by reason as 2nd
#!   |                       ^^^
failures by reason as 2nd
