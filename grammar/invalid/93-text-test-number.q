# text_test
#! error: `like` looks into text, and `exit_code` is a whole number
#!   | failures where exit_code like 1*
#!   |                               ^^ compare with `=`, `<` or `in`
failures where exit_code like 1*
