# raw
#! error: the original record can only be read in the first stage
#!   | calls by event_name | where raw.a = b
#!   |                             ^^^^^ name it there with `show … as`
calls by event_name | where raw.a = b
