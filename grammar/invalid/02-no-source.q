# source, query
#! error: unexpected `by`: expected a noun such as `failures`
#!   | by reason
#!   | ^^
#!   = help: a query starts with a noun: `failures by reason`
by reason
