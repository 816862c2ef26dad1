# every
#! error: unexpected `nofill`: expected a duration after `every`
#!   | failures every nofill
#!   |                ^^^^^^
failures every nofill
