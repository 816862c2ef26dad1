# step
#! error: invalid index `[x]`
#!   | calls by raw.items[x]
#!   |                   ^^^ an index is a number, such as `[0]`
calls by raw.items[x]
