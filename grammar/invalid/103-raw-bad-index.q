# step
#! error: `[x]` is no index
#!   | calls by raw.items[x]
#!   |                   ^^^ after a key stands a number, such as `[0]`
calls by raw.items[x]
