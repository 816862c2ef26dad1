# target
#! error: unexpected `within`: expected an operator, `and`, `or` or a clause
#!   | failures near (tasks where expected within 5m
#!   |                                     ^^^^^^
failures near (tasks where expected within 5m
