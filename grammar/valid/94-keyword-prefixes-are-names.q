# name: whole words only
failures by reason as sorted, cluster as topped, service as in_x
