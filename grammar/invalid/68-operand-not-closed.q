# operand
#! error: `)` is expected, but the query ends
#!   | failures by service show (count + 1
#!   |                                    ^ here
failures by service show (count + 1
