# value, number
#! error: `99999999999999999999` is out of range for `exit_code`
#!   | failures where exit_code = 99999999999999999999
#!   |                            ^^^^^^^^^^^^^^^^^^^^ from -9223372036854775808 to 9223372036854775807
failures where exit_code = 99999999999999999999
