# conj
#! error: `&&` is not an operator
#!   | failures where ran && secondary
#!   |                    ^^ write `and`
failures where ran && secondary
