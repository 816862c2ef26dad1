# compare: the preceding window needs a beginning
#! error: `compare previous` requires a window with a start
#!   | failures by reason compare previous
#!   |                    ^^^^^^^^^^^^^^^^ add `since 7d`, or give the other window: `compare between A and B`
failures by reason compare previous
