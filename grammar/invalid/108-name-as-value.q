# value, name
#! error: a value after `=` is expected, not the name `AGENT`
#!   | failures where reason = `AGENT`
#!   |                         ^^^^^^^ back-ticks make a name; 'AGENT' is a text
failures where reason = `AGENT`
