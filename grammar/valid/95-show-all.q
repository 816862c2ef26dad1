# show, every_column
#= failures since 7d show *
failures show all since 7d
