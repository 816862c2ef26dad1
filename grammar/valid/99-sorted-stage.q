# stage, sort, limit
failures show time, kind, reason sort time desc | where kind = launch | limit 2
