# every
#! error: a step must be longer than zero
#!   | failures every 0m
#!   |                ^^
failures every 0m
