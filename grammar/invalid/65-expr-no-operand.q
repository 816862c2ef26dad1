# expr, operand
#! error: a field, a function or a number is expected, but the query ends
#!   | failures by service show count +
#!   |                                 ^ here
failures by service show count +
