# every
#! error: a duration after `every` is expected, not `nofill`
#!   | failures every nofill
#!   |                ^^^^^^
failures every nofill
