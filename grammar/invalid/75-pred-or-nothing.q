# pred
#! error: a condition is expected, but the query ends
#!   | failures where ran or
#!   |                      ^ here
failures where ran or
