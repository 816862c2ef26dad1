# raw
#! error: the original record can be read in the first stage only
#!   | calls by event_name | where raw.a = b
#!   |                             ^^^^^ show it there under a name
calls by event_name | where raw.a = b
