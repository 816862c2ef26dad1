# sort_key: the minus may stand apart
#= failures sort -time
failures sort - time
