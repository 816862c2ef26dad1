# neg
#! error: unexpected `not`: expected a condition
#!   | failures where not not ran
#!   |                    ^^^ this is a keyword; to use it as a name, write `` `not` ``
failures where not not ran
