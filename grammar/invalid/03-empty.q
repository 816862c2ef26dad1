# query
#! error: unexpected end of query: expected a noun such as `failures`
#!   |
#!   | ^ here

