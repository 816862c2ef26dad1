# comparison
#! error: `==` is not an operator
#!   | failures where reason == AGENT
#!   |                       ^^ write `=`
failures where reason == AGENT
