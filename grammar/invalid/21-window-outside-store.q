# window, until
#! error: no data in this window
#!   | failures until 2020-01-01
#!   |          ^^^^^^^^^^^^^^^^ all data in the store is newer
#!   = window … 2020-01-01T00:00:00Z
#!   = the store has data from 2025-12-01T00:00:00Z to 2026-03-08T10:14:07Z
failures until 2020-01-01
