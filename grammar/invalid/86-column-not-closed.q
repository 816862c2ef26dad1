# column
#! error: unexpected end of query: expected `)`
#!   | tasks where started_at > field(stopped_at
#!   |                                          ^ here
tasks where started_at > field(stopped_at
