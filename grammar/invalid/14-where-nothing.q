# where
#! error: unexpected end of query: expected a condition
#!   | failures where
#!   |               ^ here
failures where
