# where: joined by and
#= failures where (cluster = a or cluster = b) and reason = AGENT
failures where cluster = a or cluster = b where reason = AGENT
