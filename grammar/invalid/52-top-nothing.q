# limit
#! error: a number after `top` is expected, but the query ends
#!   | failures by reason top
#!   |                       ^ here
failures by reason top
