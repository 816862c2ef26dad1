# call, function
#! error: `hour` takes a time, but this is a text
#!   | failures by hour(reason)
#!   |                  ^^^^^^
failures by hour(reason)
