# sort_key: the minus can be separate
#= failures sort -time
failures sort - time
