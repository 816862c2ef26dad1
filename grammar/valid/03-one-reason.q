# Each failure whose reason is exactly AGENT
failures where reason = AGENT since 30d
