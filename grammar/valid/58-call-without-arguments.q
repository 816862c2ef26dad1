# call
#= failures by reason show count(), share
failures by reason show count(), share
