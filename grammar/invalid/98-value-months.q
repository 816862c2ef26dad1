# value, duration
#! error: months and years have no fixed length
#!   | tasks where duration > 1mo
#!   |                        ^^^ write days: `30d`
tasks where duration > 1mo
