# function
#! error: unknown function `huor`
#!   | failures by huor(time)
#!   |             ^^^^ did you mean `hour`?
failures by huor(time)
