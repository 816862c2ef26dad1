# operand
#! error: unexpected end of query: expected `)`
#!   | failures by service show (count + 1
#!   |                                    ^ here
failures by service show (count + 1
