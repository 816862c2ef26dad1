# by
#! error: a field to group by is expected, not `since`
#!   | failures by since 7d
#!   |             ^^^^^ a keyword; as a name it is written `` `since` ``
failures by since 7d
