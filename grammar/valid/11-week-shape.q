# Week-shaped heat map: when do failures cluster
failures between 2026-03-01 and 2026-03-08 by weekday(time), hour(time)
