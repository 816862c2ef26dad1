# limit
failures by cluster, reason bottom 2 per cluster
