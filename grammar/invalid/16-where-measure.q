# where
#! error: `count` is computed over groups and cannot be read from a row
#!   | failures where count > 5 by reason
#!   |                ^^^^^ it can only be used in `show`
#!   = help: `by … show count | where count > 0` filters groups
failures where count > 5 by reason
