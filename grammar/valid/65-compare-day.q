# compare
failures by reason on 2026-03-04 compare previous day
