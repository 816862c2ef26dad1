# relation
#! error: unexpected `by`: expected `within` with a duration
#!   | failures near deployments by reason
#!   |                           ^^
#!   = help: `near deployments within 10m`
failures near deployments by reason
