# item, alias
#! error: two columns are named `time`
#!   | failures show time, time
#!   |                     ^^^^ give it another name with `as`
failures show time, time
