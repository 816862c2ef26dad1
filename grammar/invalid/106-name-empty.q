# name
#! error: empty name between backticks
#!   | failures by ``
#!   |             ^^
failures by ``
