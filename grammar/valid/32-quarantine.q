# What could not be loaded, and why
quarantine by why, file top 10
