# Count of failures per reason in the last seven days of the data
failures by reason since 7d
