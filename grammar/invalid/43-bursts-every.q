# bursts: they are cut by pauses, not by the clock
#! error: `bursts` cannot be combined with `every`
#!   | failures bursts 10m every 1h
#!   |          ^^^^^^^^^^ remove one of them
failures bursts 10m every 1h
