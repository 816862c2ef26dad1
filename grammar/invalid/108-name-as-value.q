# value, name
#! error: unexpected the name `AGENT`: expected a value after `=`
#!   | failures where reason = `AGENT`
#!   |                         ^^^^^^^ backticks enclose a name; write 'AGENT' for a string
failures where reason = `AGENT`
