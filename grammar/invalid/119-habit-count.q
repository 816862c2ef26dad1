# query: in other words
#! error: a query starts with a noun such as `failures`
#!   | how many failures since 7d
#!   | ^^^
#!   = help: did you mean `failures since 7d show count`?
how many failures since 7d
