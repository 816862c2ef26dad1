# limit, clause
#! error: `limit` and `top` cannot be combined
#!   | failures by reason top 3 limit 5
#!   |                          ^^^^^ keep one of them
failures by reason top 3 limit 5
