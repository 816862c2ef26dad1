# comparison
#! error: `exit_code` is a whole number, but `1..5` is not
#!   | failures where exit_code = 1..5
#!   |                            ^^^^ for a range: `exit_code in 1..5`
failures where exit_code = 1..5
