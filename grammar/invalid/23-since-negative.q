# since, duration
#! error: unexpected sign in the duration `-7d`
#!   | failures since -7d
#!   |                ^^^ write `7d`: durations always count back
failures since -7d
