# between
#! error: unexpected `,`: expected `and` with a second point in time
#!   | failures between 7d, 1d
#!   |                    ^
#!   = help: did you mean `failures between 7d and 1d`?
failures between 7d, 1d
