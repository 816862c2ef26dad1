# Per service: how many, what share, how many tasks, first and last seen
failures by service since 7d show count, share, distinct(task), first(time), last(time) sort -count
