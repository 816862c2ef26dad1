# on
#! error: unexpected end of query: expected a point in time
#!   | failures on
#!   |            ^ here
failures on
