# column
#! error: `started_at` is a time, but this is a string
#!   | tasks where started_at > field(cluster)
#!   |                                ^^^^^^^
tasks where started_at > field(cluster)
