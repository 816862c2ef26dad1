# where, conj
#! error: a condition is expected, not `since`
#!   | failures where ran and since 7d
#!   |                        ^^^^^ a keyword; as a name it is written `` `since` ``
failures where ran and since 7d
