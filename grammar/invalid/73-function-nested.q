# function
#! error: `count` is nested in another aggregate
#!   | failures by service show sum(count(task))
#!   |                              ^^^^^^^^^^^
#!   = help: a second stage after `|` can aggregate the columns of the first
failures by service show sum(count(task))
