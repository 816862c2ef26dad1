# call, function
#! error: `hour` takes a time, but this is a string
#!   | failures by hour(reason)
#!   |                  ^^^^^^
failures by hour(reason)
