# around
#! error: a duration after `within` is expected, but the query ends
#!   | failures around latest within
#!   |                              ^ here
failures around latest within
