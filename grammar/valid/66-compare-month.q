# compare
failures by reason since 7d compare previous month
