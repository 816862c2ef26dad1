# target: with a condition
failures not preceding (tasks where last_status = PENDING and duration > 10m) within 1h
