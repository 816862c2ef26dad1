# clause
#! error: unexpected `group`: expected a clause
#!   | failures group by reason
#!   |          ^^^^^ write `by`
#!   = help: did you mean `failures by reason`?
failures group by reason
