# list, range
#! error: `in` takes a list in parentheses or a range
#!   | failures where reason in AGENT, CAPACITY
#!   |                          ^^^^^ such as `in (a, b)` or `in 1..5`
failures where reason in AGENT, CAPACITY
