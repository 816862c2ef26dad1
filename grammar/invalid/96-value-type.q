# value, number
#! error: `exit_code` is a whole number, and `abc` is not
#!   | failures where exit_code = abc
#!   |                            ^^^ a whole number is expected
failures where exit_code = abc
