# The five-minute intervals in which more Fargate vCPU was needed than allowed
quota where resource = fargate_vcpu by region every 5m show max(used), max(needed), max(allowed), max(over) as over since 1d | where over > 0
