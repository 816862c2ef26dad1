# show, item
#! error: a field, a function or a number is expected, not `,`
#!   | failures show time, , reason
#!   |                     ^
failures show time, , reason
