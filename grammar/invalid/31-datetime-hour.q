# datetime
#! error: `2026-03-04T25:00Z` is not a date
#!   | failures since 2026-03-04T25:00Z
#!   |                ^^^^^^^^^^^^^^^^^ the time of day is not valid
#!   = help: `2026-03-04`, `2026-03-04T02:10`, `2026-03-04T02:10:30Z`, `2026-03-04T02:10+09:00`
failures since 2026-03-04T25:00Z
