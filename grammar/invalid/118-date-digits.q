# instant
#! error: unexpected `20260304`: expected a point in time
#!   | failures since 20260304
#!   |                ^^^^^^^^ write `2026-03-04`
failures since 20260304
