# window, until
#! error: the window does not touch the store
#!   | failures until 2020-01-01
#!   |          ^^^^^^^^^^^^^^^^ everything in the store is newer
#!   = window … 2020-01-01T00:00:00Z
#!   = the store holds 2025-12-01T00:00:00Z … 2026-03-08T10:14:07Z
failures until 2020-01-01
