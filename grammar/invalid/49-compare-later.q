# compare: does not run yet
#! error: `compare` does not run yet in this version
#!   | failures by reason since 7d compare previous
#!   |                             ^^^^^^^^^^^^^^^^
failures by reason since 7d compare previous
