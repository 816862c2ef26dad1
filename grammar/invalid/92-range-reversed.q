# range
#! error: the range ends before it starts
#!   | failures where exit_code in 5..1
#!   |                             ^^^^ the lower end stands first
failures where exit_code in 5..1
