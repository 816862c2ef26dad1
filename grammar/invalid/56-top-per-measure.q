# limit
#! error: `count` is not a key of `by`
#!   | failures by reason top 3 per count
#!   |                              ^^^^^ `per` requires one of the keys of `by`
failures by reason top 3 per count
