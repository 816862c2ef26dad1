# value, number
#! error: `99999999999999999999` is outside the whole numbers that `exit_code` can hold
#!   | failures where exit_code = 99999999999999999999
#!   |                            ^^^^^^^^^^^^^^^^^^^^ from -9223372036854775808 to 9223372036854775807
failures where exit_code = 99999999999999999999
