# where: left out
#! error: unexpected `in`: expected a clause
#!   | failures in cluster batch by reason
#!   |          ^^ conditions go after `where`
#!   = help: did you mean `failures where cluster = batch by reason`?
failures in cluster batch by reason
