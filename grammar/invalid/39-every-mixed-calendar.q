# every
#! error: a step of days or longer must be one number and one unit
#!   | failures every 1d12h
#!   |                ^^^^^ such as `1d`, `2w` or `36h`
failures every 1d12h
