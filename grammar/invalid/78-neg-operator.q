# neg, test
#! error: unexpected `AGENT`: expected `in`, `like`, `contains` or `matches` after `not`
#!   | failures where reason not AGENT
#!   |                           ^^^^^
failures where reason not AGENT
