# stage, limit
failures | limit 3
