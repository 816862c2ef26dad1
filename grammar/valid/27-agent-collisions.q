# Recurring agent collisions, how many runs were lost, how far above chance
collisions by container_instance show count, lost, healed, lift since 90d
