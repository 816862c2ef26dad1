# show, item
#! error: unexpected `,`: expected a field, a function or a number
#!   | failures show time, , reason
#!   |                     ^
failures show time, , reason
