# column
#! error: a literal is expected, not a call
#!   | failures where reason = lower(cause)
#!   |                         ^^^^^ right of an operator stands a value or `field(name)`
failures where reason = lower(cause)
