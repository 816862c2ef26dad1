# column
tasks where started_at > field(stopped_at)
