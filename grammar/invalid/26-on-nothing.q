# on
#! error: a point in time is expected, but the query ends
#!   | failures on
#!   |            ^ here
failures on
