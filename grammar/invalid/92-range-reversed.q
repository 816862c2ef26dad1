# range
#! error: the range ends before it starts
#!   | failures where exit_code in 5..1
#!   |                             ^^^^ put the lower bound first
failures where exit_code in 5..1
