# limit
#! error: `count` is no key
#!   | failures by reason top 3 per count
#!   |                              ^^^^^ `per` requires one of the keys of `by`
failures by reason top 3 per count
