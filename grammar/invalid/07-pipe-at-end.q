# later_stage, query
#! error: unexpected end of query: expected a clause after `|`
#!   | failures by reason |
#!   |                     ^ here
failures by reason |
