# bursts
#! error: unexpected `by`: expected a duration after `bursts`
#!   | failures bursts by service
#!   |                 ^^
failures bursts by service
