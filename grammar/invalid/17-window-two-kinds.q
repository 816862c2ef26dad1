# window
#! error: `on` and `since` cannot be combined
#!   | failures since 7d on today
#!   |                   ^^ keep one of them
failures since 7d on today
