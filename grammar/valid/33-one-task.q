# Every event of one task, oldest first
events where task = 834a5628bef14f2dbb81c7bc0b272160 sort time
