# window
#! error: the time window belongs in the first stage
#!   | failures by reason | since 7d
#!   |                      ^^^^^^^^ write it before the first `|`
failures by reason | since 7d
