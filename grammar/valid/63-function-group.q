# function: of a group
failures by service show min(time), any(cluster), avg(missing_tasks)
