# compare
#! error: unexpected end of query: expected `previous` or `between` after `compare`
#!   | failures by reason since 7d compare
#!   |                                    ^ here
failures by reason since 7d compare
