# bursts: they are cut by pauses, not by the clock
#! error: `bursts` and `every` do not go together
#!   | failures bursts 10m every 1h
#!   |          ^^^^^^^^^^ leave out one of them
failures bursts 10m every 1h
