# call
#! error: `hour` takes one argument, not 2
#!   | failures by hour(time, time)
#!   |             ^^^^^^^^^^^^^^^^
failures by hour(time, time)
