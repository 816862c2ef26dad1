# value: quotes only where needed
#= failures where reason = AGENT
failures where reason = "AGENT"
