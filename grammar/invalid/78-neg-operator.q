# neg, test
#! error: unexpected `AGENT`: expected `in`, `like`, `contains` or `matches` after `not`
#!   | failures where reason not AGENT
#!   |                           ^^^^^
#!   = help: did you mean `failures where reason != AGENT`?
failures where reason not AGENT
