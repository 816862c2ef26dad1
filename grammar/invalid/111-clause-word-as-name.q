# show, function
#! error: a field, a function or a number is expected, not `limit`
#!   | failures show max(limit)
#!   |                   ^^^^^ a keyword; as a name it is written `` `limit` ``
failures show max(limit)
