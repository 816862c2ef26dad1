# clause
#! error: `by` is given twice
#!   | failures by reason by cluster
#!   |                    ^^ join them with a comma
#!   = help: did you mean `failures by reason, cluster`?
failures by reason by cluster
