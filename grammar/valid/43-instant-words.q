# instant
failures since today until now
