# field, raw
#! error: `sort` takes a column, not a raw path
#!   | calls sort raw.eventTime
#!   |            ^^^^^^^^^^^^^ give it a name: `show raw.a as a sort a`
calls sort raw.eventTime
