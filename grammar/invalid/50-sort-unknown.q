# sort, sort_key
#! error: the result has no column `conut`
#!   | failures by reason sort -conut
#!   |                          ^^^^^ did you mean `count`?
#!   = columns: reason, count
failures by reason sort -conut
