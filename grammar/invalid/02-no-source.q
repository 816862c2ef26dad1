# source, query
#! error: a source such as `failures` is expected, not `by`
#!   | by reason
#!   | ^^
#!   = help: the source comes first: `failures by reason`
by reason
