# later_stage
#! error: unexpected `|`: expected a clause after `|`
#!   | failures by reason | | limit 5
#!   |                      ^
failures by reason | | limit 5
