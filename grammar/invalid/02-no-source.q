# source, query
#! error: unexpected `by`: expected a source such as `failures`
#!   | by reason
#!   | ^^
#!   = help: a query starts with its source: `failures by reason`
by reason
