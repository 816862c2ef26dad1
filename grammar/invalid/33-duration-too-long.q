# duration
#! error: `9999999999d` is longer than time itself
#!   | failures since 9999999999d
#!   |                ^^^^^^^^^^^ at most 9 digits
failures since 9999999999d
