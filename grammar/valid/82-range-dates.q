# range, date
failures where time in 2026-03-01..2026-03-03
