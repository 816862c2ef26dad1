# AGENT failures with **no** recorded disconnect before them: unexplained
failures where reason = AGENT not following agent_disconnects within 5m matching container_instance since 30d
