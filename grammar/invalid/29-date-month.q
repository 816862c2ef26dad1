# date
#! error: `2026-13-01` is not a date
#!   | failures since 2026-13-01
#!   |                ^^^^^^^^^^ month 13 does not exist
#!   = help: `2026-03-04`, `2026-03-04T02:10`, `2026-03-04T02:10:30Z`, `2026-03-04T02:10+09:00`
failures since 2026-13-01
