# window: without its clause
#! error: unexpected `last`: expected a clause
#!   | failures by reason last 7 days
#!   |                    ^^^^ write `since`, such as `since 7d`
#!   = help: did you mean `failures since 7d by reason`?
failures by reason last 7 days
