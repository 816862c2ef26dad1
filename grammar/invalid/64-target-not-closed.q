# target
#! error: an operator, `and`, `or` or a clause is expected, not `within`
#!   | failures near (tasks where expected within 5m
#!   |                                     ^^^^^^
failures near (tasks where expected within 5m
