# limit
#! error: `top` selects groups by a measure, but this stage has no groups
#!   | failures top 10
#!   |          ^^^^^^ use `limit 10`, or add `by`
failures top 10
