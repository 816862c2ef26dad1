# function
#! error: `count` stands inside another aggregate
#!   | failures by service show sum(count(task))
#!   |                              ^^^^^^^^^^^
#!   = help: a second stage after `|` can aggregate the first one's columns
failures by service show sum(count(task))
