# relation
#! error: `within` with unexpected `by`: expected a duration
#!   | failures near deployments by reason
#!   |                           ^^
#!   = help: `near deployments within 10m`
failures near deployments by reason
