# test
#! error: `and`, `or` or `)` is expected, not `by`
#!   | failures where (ran by reason
#!   |                     ^^
failures where (ran by reason
