# Fold failures at most 10 min apart into incidents
failures bursts 10m by service since 7d
