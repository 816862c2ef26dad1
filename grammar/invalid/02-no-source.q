# source, query
#! error: unexpected `by`: expected a noun such as `failures`
#!   | by reason
#!   | ^^
#!   = help: did you mean `failures by reason`?
by reason
