# Top reasons why tasks never started
tasks where stop_code = TaskFailedToStart by stopped_reason since 7d top 10
