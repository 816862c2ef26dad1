# limit, integer
#! error: the number must be at least 1
#!   | failures by reason top 0
#!   |                        ^
failures by reason top 0
