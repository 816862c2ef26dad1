# test
#! error: unexpected `-`: expected an operator, `and`, `or` or a clause
#!   | tasks where stopped_at - started_at > 10m
#!   |                        ^
#!   = help: arithmetic is only allowed in `show`: `show a - b as c | where c > 0`
tasks where stopped_at - started_at > 10m
