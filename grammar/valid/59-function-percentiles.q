# function: any percentile
tasks by service show p1(start_latency), p99(start_latency), median(start_latency), stddev(start_latency)
