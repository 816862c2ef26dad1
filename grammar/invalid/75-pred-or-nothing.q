# pred
#! error: unexpected end of query: expected a condition
#!   | failures where ran or
#!   |                      ^ here
failures where ran or
