# integer, digit
#! error: the number is too great
#!   | failures limit 99999999999
#!   |                ^^^^^^^^^^^ at most 4294967295
failures limit 99999999999
