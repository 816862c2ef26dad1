# That day against the same day a week earlier
failures by reason on 2026-03-04 compare previous week
