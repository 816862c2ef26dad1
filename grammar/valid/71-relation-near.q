# relation, target
failures near deployments within 15m matching cluster, service
