# test
#! error: `service` is a string, not true or false
#!   | failures where service by reason
#!   |                ^^^^^^^ write a condition: `service = …` or `service is not missing`
failures where service by reason
