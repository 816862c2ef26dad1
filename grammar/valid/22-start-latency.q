# How long from created to running, per service
tasks by service show p50(start_latency), p95(start_latency), max(start_latency) since 7d sort -p95_start_latency
