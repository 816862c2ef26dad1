# clause
#! error: unexpected `7d`: expected a clause
#!   | failures by reason 7d
#!   |                    ^^
#!   = clauses: where, since, until, between, on, around, by, every, show, sort, top, bottom, limit, compare, bursts, near, following, preceding
failures by reason 7d
