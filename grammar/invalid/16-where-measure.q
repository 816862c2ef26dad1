# where
#! error: `count` is computed over groups, not read from a row
#!   | failures where count > 5 by reason
#!   |                ^^^^^ it stands in `show`
#!   = help: `by … show count | where count > 0` filters groups
failures where count > 5 by reason
