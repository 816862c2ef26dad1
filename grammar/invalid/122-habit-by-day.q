# by: a time step
#! error: unknown field `day` in `failures`
#!   | failures by day since 7d
#!   |             ^^^
#!   = `ecs-audit fields failures` lists all fields
#!   = help: did you mean `failures since 7d every 1d`?
failures by day since 7d
