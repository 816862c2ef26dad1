# noun: does not run yet
#! error: `stalls` does not run yet in this version
#!   | stalls since 7d
#!   | ^^^^^^
stalls since 7d
