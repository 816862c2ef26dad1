# value, duration
#! error: months and years do not have a fixed length
#!   | tasks where duration > 1mo
#!   |                        ^^^ use days: `30d`
tasks where duration > 1mo
