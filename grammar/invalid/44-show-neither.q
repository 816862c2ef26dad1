# show, item
#! error: `reason` is neither a key nor an aggregate
#!   | failures by service show reason
#!   |                          ^^^^^^ add it to `by`, or use `any(reason)`, `first(reason)` or `last(reason)`
failures by service show reason
