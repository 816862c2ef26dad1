# Second stage filters the groups (HAVING)
failures by service, reason since 30d | where count >= 5 | sort -count | limit 10
