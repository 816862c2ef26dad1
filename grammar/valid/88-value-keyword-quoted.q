# value: a keyword in quotes
#= failures where reason = 'by'
failures where reason = 'by'
