# datetime
#! error: `2026-03-04T25:00Z` is not a date
#!   | failures since 2026-03-04T25:00Z
#!   |                ^^^^^^^^^^^^^^^^^ invalid time of day
#!   = help: `2026-03-04`, `2026-03-04T02:10`, `2026-03-04T02:10:30Z`, `2026-03-04T02:10+09:00`
failures since 2026-03-04T25:00Z
