# stage
#! error: `||` is not an operator
#!   | failures where ran || secondary
#!   |                    ^^ write `or`
failures where ran || secondary
