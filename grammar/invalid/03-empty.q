# query
#! error: a source such as `failures` is expected, but the query ends
#!   |
#!   | ^ here

