# string
#! error: unclosed text
#!   | failures where service = 'checkout
#!   |                          ^^^^^^^^^ add a closing `'`
failures where service = 'checkout
