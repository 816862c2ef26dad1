# query: signs need no spaces
#= failures where reason = AGENT or exit_code != 0 by reason | limit 3
failures where(reason=AGENT)or(exit_code!=0)by reason|limit 3
