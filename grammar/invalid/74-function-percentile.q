# function
#! error: unknown function `p100`
#!   | tasks by service show p100(start_latency)
#!   |                       ^^^^
#!   = functions: count, share, distinct, sum, min, max, avg, median, stddev, first, last, any, minute, minute_of_day, hour, weekday, day, date, week, month, year, lower, upper, length, number, coalesce, round, abs, field, p50, p95, p99
tasks by service show p100(start_latency)
