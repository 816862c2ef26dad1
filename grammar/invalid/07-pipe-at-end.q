# later_stage, query
#! error: a clause after `|` is expected, but the query ends
#!   | failures by reason |
#!   |                     ^ here
failures by reason |
