# later_stage
#! error: a clause after `|` is expected, not `|`
#!   | failures by reason | | limit 5
#!   |                      ^
failures by reason | | limit 5
