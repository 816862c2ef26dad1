# bursts
#! error: a duration after `bursts` is expected, not `by`
#!   | failures bursts by service
#!   |                 ^^
failures bursts by service
