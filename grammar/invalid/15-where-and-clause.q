# where, conj
#! error: unexpected `since`: expected a condition
#!   | failures where ran and since 7d
#!   |                        ^^^^^ this is a keyword; to use it as a name, write `` `since` ``
failures where ran and since 7d
