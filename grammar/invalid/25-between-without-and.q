# between
#! error: unexpected `,`: expected `and` with a second point in time
#!   | failures between 7d, 1d
#!   |                    ^
failures between 7d, 1d
