# compare
#! error: `previous` or `between` after `compare` is expected, but the query ends
#!   | failures by reason since 7d compare
#!   |                                    ^ here
failures by reason since 7d compare
