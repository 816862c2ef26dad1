# AGENT failures that came ≤10 min **after** an agent update on the same instance
failures where reason = AGENT following agent_updates within 10m matching container_instance by container_instance since 30d
