# limit
#! error: unexpected end of query: expected a number after `top`
#!   | failures by reason top
#!   |                       ^ here
failures by reason top
