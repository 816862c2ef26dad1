# by, key
#! error: `count` is computed over groups and cannot be used in `by`
#!   | failures by count(task)
#!   |             ^^^^^^^^^^^ it can only be used in `show`
failures by count(task)
