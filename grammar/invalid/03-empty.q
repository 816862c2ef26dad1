# query
#! error: unexpected end of query: expected a source such as `failures`
#!   |
#!   | ^ here

