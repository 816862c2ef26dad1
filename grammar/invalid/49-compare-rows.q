# compare: rows are not put side by side
#! error: `compare` works on groups, but this stage has plain rows
#!   | failures since 7d compare previous
#!   |                   ^^^^^^^^^^^^^^^^ add `by reason`, or `show count`
failures since 7d compare previous
