# This week against the week before: count, previous, delta, new/gone
failures by service since 7d compare previous
