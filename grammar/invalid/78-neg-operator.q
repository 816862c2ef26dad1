# neg, test
#! error: `in`, `like`, `contains` or `matches` after `not` is expected, not `AGENT`
#!   | failures where reason not AGENT
#!   |                           ^^^^^
failures where reason not AGENT
