# clause
#! error: unexpected `group`: expected a clause
#!   | failures group by reason
#!   |          ^^^^^ write `by`
failures group by reason
