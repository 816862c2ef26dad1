# instant
#! error: unexpected `yesterdya`: expected a point in time
#!   | failures since yesterdya
#!   |                ^^^^^^^^^ did you mean `yesterday`?
#!   = help: `7d` (before the newest event), `2026-03-04`, `2026-03-04T02:10Z`, `yesterday`, `monday`, `last week`, `now`
failures since yesterdya
