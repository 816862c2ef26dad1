# Throttling per API in five-minute steps
calls where error_code contains throttl by event_name every 5m since 6h
