# clause
#! error: `by` is given twice
#!   | failures by reason by cluster
#!   |                    ^^ join them with a comma
failures by reason by cluster
