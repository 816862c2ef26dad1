# value, word: never cut
failures where task in (834a5628bef14f2dbb81c7bc0b272160, 1e10, 7d, 2026-03-04) and cluster = arn:aws:ecs:us-east-1:111122223333:cluster/batch
