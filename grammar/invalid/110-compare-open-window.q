# compare: the window before needs a beginning
#! error: `compare previous` needs a window that begins somewhere
#!   | failures by reason compare previous
#!   |                    ^^^^^^^^^^^^^^^^ add `since 7d`, or name the other one: `compare between A and B`
failures by reason compare previous
