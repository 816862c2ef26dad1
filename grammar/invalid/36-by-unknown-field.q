# key, field
#! error: unknown field `resaon` in `failures`
#!   | failures by resaon
#!   |             ^^^^^^ did you mean `reason`?
#!   = `ecs-audit fields failures` lists all fields
failures by resaon
