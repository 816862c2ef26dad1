# between
#! error: `and` with a second point in time is expected, not `,`
#!   | failures between 7d, 1d
#!   |                    ^
failures between 7d, 1d
