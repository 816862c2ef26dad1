# word
#! error: unexpected character `?`
#!   | failures where service like batch-?
#!   |                                   ^ quote a string that contains it
failures where service like batch-?
