# window
#! error: `on` and `since` exclude each other
#!   | failures since 7d on today
#!   |                   ^^ keep one of them
failures since 7d on today
