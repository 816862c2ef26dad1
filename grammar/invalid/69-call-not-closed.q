# call
#! error: unexpected end of query: expected `,` or `)`
#!   | failures by hour(time
#!   |                      ^ here
failures by hour(time
