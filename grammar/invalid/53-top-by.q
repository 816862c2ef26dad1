# limit: by groups, and does not order
#! error: `by` cannot follow `top 10`
#!   | failures top 10 by duration
#!   |                 ^^ to sort rows: `sort -duration limit 10`
#!   = help: to group rows: `by duration top 10`
failures top 10 by duration
