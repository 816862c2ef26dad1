# duration
#! error: the duration `9999999999d` is too large
#!   | failures since 9999999999d
#!   |                ^^^^^^^^^^^ at most 9 digits
failures since 9999999999d
