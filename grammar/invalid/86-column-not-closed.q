# column
#! error: `)` is expected, but the query ends
#!   | tasks where started_at > field(stopped_at
#!   |                                          ^ here
tasks where started_at > field(stopped_at
