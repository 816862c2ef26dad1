# date
failures since 2026-03-01
