# alias, name
#! error: unexpected `by`: expected a name after `as`
#!   | failures by service show count as by
#!   |                                   ^^ this is a keyword; to use it as a name, write `` `by` ``
failures by service show count as by
