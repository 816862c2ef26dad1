# where
#! error: a condition is expected, but the query ends
#!   | failures where
#!   |               ^ here
failures where
