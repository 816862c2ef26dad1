# name
failures by reason as `by` | where `by` = AGENT
