# by
#! error: unexpected `since`: expected a field to group by
#!   | failures by since 7d
#!   |             ^^^^^ this is a keyword; to use it as a name, write `` `since` ``
failures by since 7d
