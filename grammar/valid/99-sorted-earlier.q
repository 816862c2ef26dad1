# stage, sort, limit
failures sort time | show kind, time | limit 2
