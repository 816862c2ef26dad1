# clause
#! error: a clause is expected, not `group`
#!   | failures group by reason
#!   |          ^^^^^ write `by`
failures group by reason
