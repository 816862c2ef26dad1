# conj
#! error: `&&` is not an operator
#!   | failures where ran && secondary
#!   |                    ^^ write `and`
#!   = help: did you mean `failures where ran and secondary`?
failures where ran && secondary
