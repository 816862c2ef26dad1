# column
#! error: unexpected function call: expected a value
#!   | failures where reason = lower(cause)
#!   |                         ^^^^^ the right side of an operator is a value or `field(name)`
failures where reason = lower(cause)
