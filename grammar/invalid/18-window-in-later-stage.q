# window
#! error: a time window is only allowed in the first stage
#!   | failures by reason | since 7d
#!   |                      ^^^^^^^^ move it before the first `|`
failures by reason | since 7d
