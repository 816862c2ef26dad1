# relation: it looks at rows, not at groups
#! error: `near` is only allowed in the first stage
#!   | failures by reason | near calls within 5m
#!   |                      ^^^^
failures by reason | near calls within 5m
