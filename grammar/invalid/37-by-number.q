# key, subject
#! error: a field to group by is expected, not `5`
#!   | failures by 5
#!   |             ^
failures by 5
