# show, function
#! error: unexpected `limit`: expected a field, a function or a number
#!   | failures show max(limit)
#!   |                   ^^^^^ this is a keyword; to use it as a name, write `` `limit` ``
failures show max(limit)
