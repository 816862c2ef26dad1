# compare: rows are not put side by side
#! error: `compare` puts groups side by side, and these are rows
#!   | failures since 7d compare previous
#!   |                   ^^^^^^^^^^^^^^^^ add `by reason`, or `show count`
failures since 7d compare previous
