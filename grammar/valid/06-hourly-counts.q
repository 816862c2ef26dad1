# Hourly counts per reason, empty hours as 0
failures by reason every 1h since 2d
