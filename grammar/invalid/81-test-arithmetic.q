# test
#! error: an operator, `and`, `or` or a clause is expected, not `-`
#!   | tasks where stopped_at - started_at > 10m
#!   |                        ^
#!   = help: arithmetic stands in `show`: `show a - b as c | where c > 0`
tasks where stopped_at - started_at > 10m
