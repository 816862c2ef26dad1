# noun: does not run yet
#! error: `patterns` does not run yet in this version
#!   | patterns since 7d
#!   | ^^^^^^^^
patterns since 7d
