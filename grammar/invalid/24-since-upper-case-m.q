# since, unit
#! error: `M` is not a time unit
#!   | failures by reason since 3M
#!   |                          ^^ use `3mo` for months or `3m` for minutes
failures by reason since 3M
