# clause
#! error: a clause is expected, not `7d`
#!   | failures by reason 7d
#!   |                    ^^
#!   = clauses: where, since, until, between, on, around, by, every, show, sort, top, bottom, limit, compare, bursts, near, following, preceding
failures by reason 7d
