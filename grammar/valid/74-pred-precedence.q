# pred, conj, neg
failures where ran or not reason = AGENT and (cluster = x or cluster = y)
