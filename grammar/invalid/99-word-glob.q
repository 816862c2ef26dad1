# word
#! error: `?` has no meaning here
#!   | failures where service like batch-?
#!   |                                   ^ put quotes around a text that contains it
failures where service like batch-?
