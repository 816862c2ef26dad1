# name
#! error: there is no name between the back-ticks
#!   | failures by ``
#!   |             ^^
failures by ``
