# neg
#! error: a condition is expected, not `not`
#!   | failures where not not ran
#!   |                    ^^^ a keyword; as a name it is written `` `not` ``
failures where not not ran
