# Daily placement failures of three kinds
failures where reason in (AGENT, RESOURCE:MEMORY, RESOURCE:CPU) by reason every 1d since 30d
