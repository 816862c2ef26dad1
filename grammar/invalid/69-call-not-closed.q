# call
#! error: `,` or `)` is expected, but the query ends
#!   | failures by hour(time
#!   |                      ^ here
failures by hour(time
