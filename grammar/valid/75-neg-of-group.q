# neg
failures where not (reason = AGENT and cluster = batch)
