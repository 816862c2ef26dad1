# stage
#! error: `||` is not an operator
#!   | failures where ran || secondary
#!   |                    ^^ write `or`
#!   = help: did you mean `failures where ran or secondary`?
failures where ran || secondary
