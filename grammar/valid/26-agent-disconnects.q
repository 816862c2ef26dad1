# Agent disconnects and total offline time per instance
instances where agent_connected = false by container_instance show count, sum(duration) as offline since 7d
