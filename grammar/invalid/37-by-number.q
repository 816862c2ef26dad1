# key, subject
#! error: unexpected `5`: expected a field to group by
#!   | failures by 5
#!   |             ^
failures by 5
