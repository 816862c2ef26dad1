# sort_key
#! error: `sort` takes a column, not a call
#!   | tasks by service show p95(start_latency) sort -p95(start_latency)
#!   |                                                ^^^ use the column name, such as `-p95_start_latency`
tasks by service show p95(start_latency) sort -p95(start_latency)
