# comparison
#! error: `==` is not an operator
#!   | failures where reason == AGENT
#!   |                       ^^ write `=`
#!   = help: did you mean `failures where reason = AGENT`?
failures where reason == AGENT
