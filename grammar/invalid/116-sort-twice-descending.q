# sort_key
#! error: descending is given twice, as `-` and as `desc`
#!   | failures by reason sort -count desc
#!   |                          ^^^^^^^^^^ keep one of them
failures by reason sort -count desc
