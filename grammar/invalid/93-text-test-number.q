# text_test
#! error: `like` works on text, but `exit_code` is a whole number
#!   | failures where exit_code like 1*
#!   |                               ^^ compare with `=`, `<` or `in`
failures where exit_code like 1*
