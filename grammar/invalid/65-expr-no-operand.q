# expr, operand
#! error: unexpected end of query: expected a field, a function or a number
#!   | failures by service show count +
#!   |                                 ^ here
failures by service show count +
