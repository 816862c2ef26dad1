# pred: a second value
#! error: unknown field `capacity` in `failures`
#!   | failures where reason = AGENT or CAPACITY
#!   |                                  ^^^^^^^^
#!   = `ecs-audit fields failures` lists all fields
#!   = help: did you mean `failures where reason in (AGENT, CAPACITY)`?
failures where reason = AGENT or CAPACITY
