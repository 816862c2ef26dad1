# clause, stage
#! error: a clause is expected, not `limt`
#!   | failures by reason limt 5
#!   |                    ^^^^ did you mean `limit`?
failures by reason limt 5
