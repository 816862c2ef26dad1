# item, alias
#! error: two columns are named `time`
#!   | failures show time, time
#!   |                     ^^^^ rename it with `as`
failures show time, time
