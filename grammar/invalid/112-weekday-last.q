# weekday
#! error: `last monday` is not a point in time
#!   | failures since last monday
#!   |                ^^^^^^^^^^^ `monday` is the newest one; for an earlier one, write its date
failures since last monday
