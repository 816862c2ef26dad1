# by, key
#! error: `count` is computed over groups and cannot stand in `by`
#!   | failures by count(task)
#!   |             ^^^^^^^^^^^ it stands in `show`
failures by count(task)
