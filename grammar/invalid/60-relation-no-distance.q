# relation
#! error: `within` with a duration is expected, not `by`
#!   | failures near deployments by reason
#!   |                           ^^
#!   = help: `near deployments within 10m`
failures near deployments by reason
