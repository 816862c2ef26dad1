# compare
failures by reason since 2d compare between 7d and 5d
