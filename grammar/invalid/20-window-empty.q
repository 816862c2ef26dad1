# window, since, until
#! error: the window is empty
#!   | failures since 1d until 1d
#!   |                   ^^^^^^^^
#!   = window 2026-03-07T10:14:07Z … 2026-03-07T10:14:07Z
failures since 1d until 1d
