# test: a word that names no field
#! error: unknown field `oom` in `failures`
#!   | failures where oom
#!   |                ^^^
#!   = `ecs-audit fields failures` lists all fields
#!   = help: did you mean `failures where message contains oom`?
failures where oom
