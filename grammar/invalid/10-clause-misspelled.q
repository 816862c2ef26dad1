# clause, stage
#! error: unexpected `limt`: expected a clause
#!   | failures by reason limt 5
#!   |                    ^^^^ did you mean `limit`?
failures by reason limt 5
