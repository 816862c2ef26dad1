# every
#! error: a step must be longer than nothing
#!   | failures every 0m
#!   |                ^^
failures every 0m
