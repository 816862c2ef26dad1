# value, number
#! error: `exit_code` is a whole number, but `abc` is not
#!   | failures where exit_code = abc
#!   |                            ^^^ expected a whole number
failures where exit_code = abc
