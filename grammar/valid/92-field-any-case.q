# field
#= failures by reason, cluster
failures by Reason, CLUSTER
