# instant
#! error: a point in time is expected, not `yesterdya`
#!   | failures since yesterdya
#!   |                ^^^^^^^^^ did you mean `yesterday`?
#!   = help: `7d` (before the newest event), `2026-03-04`, `2026-03-04T02:10Z`, `now`, `latest`, `today`, `yesterday`
failures since yesterdya
