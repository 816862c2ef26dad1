# clause
#! error: `by` stands here a second time
#!   | failures by reason by cluster
#!   |                    ^^ join the two with a comma
failures by reason by cluster
