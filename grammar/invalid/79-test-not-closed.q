# test
#! error: unexpected `by`: expected `and`, `or` or `)`
#!   | failures where (ran by reason
#!   |                     ^^
failures where (ran by reason
