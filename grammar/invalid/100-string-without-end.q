# string
#! error: unclosed quote
#!   | failures where service = 'checkout
#!   |                          ^^^^^^^^^ add a closing `'`
failures where service = 'checkout
