# limit
#! error: `top` picks groups by a measure, and there is none here
#!   | failures top 10
#!   |          ^^^^^^ write `limit 10`, or add `by`
failures top 10
