# The ten biggest cluster/reason pairs
failures by cluster, reason since 7d top 10
