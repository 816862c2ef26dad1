# list, string
#= failures where service not in ('two words', "it's", by_count)
failures where service not in ('two words', "it's", by_count)
