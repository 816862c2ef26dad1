# string
#! error: this text has no end
#!   | failures where service = 'checkout
#!   |                          ^^^^^^^^^ a closing `'` is expected
failures where service = 'checkout
