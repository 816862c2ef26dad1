# relation
#! error: the distance in time must be at least 2s
#!   | failures near deployments within 1s
#!   |                                  ^^ many records have whole seconds only
failures near deployments within 1s
