# limit, clause
#! error: `limit` and `top` exclude each other
#!   | failures by reason top 3 limit 5
#!   |                          ^^^^^ keep one of them
failures by reason top 3 limit 5
