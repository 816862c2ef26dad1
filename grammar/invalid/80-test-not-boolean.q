# test
#! error: `service` is a text, not true or false
#!   | failures where service by reason
#!   |                ^^^^^^^ a test is expected: `service = …` or `service is not missing`
failures where service by reason
