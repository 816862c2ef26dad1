# around
#! error: unexpected end of query: expected a duration after `within`
#!   | failures around latest within
#!   |                              ^ here
failures around latest within
