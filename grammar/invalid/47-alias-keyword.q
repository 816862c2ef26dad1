# alias, name
#! error: a name after `as` is expected, not `by`
#!   | failures by service show count as by
#!   |                                   ^^ a keyword; as a name it is written `` `by` ``
failures by service show count as by
