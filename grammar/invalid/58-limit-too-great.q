# integer, digit
#! error: the number is too large
#!   | failures limit 99999999999
#!   |                ^^^^^^^^^^^ at most 4294967295
failures limit 99999999999
