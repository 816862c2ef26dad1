# list, range
#! error: `in` takes a list in parentheses or a range
#!   | failures where reason in AGENT, CAPACITY
#!   |                          ^^^^^ such as `in (a, b)` or `in 1..5`
#!   = help: did you mean `failures where reason in (AGENT, CAPACITY)`?
failures where reason in AGENT, CAPACITY
