# window, between
#! error: the window ends before it starts
#!   | failures between 2026-03-04 and 2026-03-01
#!   |          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ put the earlier time first
#!   = window 2026-03-04T00:00:00Z … 2026-03-01T00:00:00Z
failures between 2026-03-04 and 2026-03-01
