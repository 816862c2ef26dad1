# bursts: does not run yet
#! error: `bursts` does not run yet in this version
#!   | failures bursts 10m by service
#!   |          ^^^^^^^^^^
failures bursts 10m by service
