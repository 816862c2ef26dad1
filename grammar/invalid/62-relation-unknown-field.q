# relation
#! error: unknown field `exit_code` in `deployments`
#!   | failures near deployments within 5m matching exit_code
#!   |                                              ^^^^^^^^^
#!   = `ecs-audit fields deployments` lists all fields
failures near deployments within 5m matching exit_code
