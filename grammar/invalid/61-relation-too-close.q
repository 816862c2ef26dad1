# relation
#! error: the distance in time must be at least 2s
#!   | failures near deployments within 1s
#!   |                                  ^^ many records only have whole seconds
failures near deployments within 1s
