# name, letter
#! error: unexpected `2nd`: expected a name after `as`
#!   | failures by reason as 2nd
#!   |                       ^^^
failures by reason as 2nd
