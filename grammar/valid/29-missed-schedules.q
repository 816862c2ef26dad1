# Scheduled jobs that silently skipped a run
schedules by schedule show expected, started, missed, last(missed_at) since 31d | where missed > 0
