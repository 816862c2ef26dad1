# bursts
failures bursts 10m
