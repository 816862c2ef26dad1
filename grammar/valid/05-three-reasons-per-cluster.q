# Three main reasons inside each cluster
failures by cluster, reason since 14d top 3 per cluster
