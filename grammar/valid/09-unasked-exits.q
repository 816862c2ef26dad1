# Twenty newest unasked-for exits of the batch services
failures where service like batch-* and exit_code is not missing and exit_code not in (0, 143) since 24h show time, service, task, exit_code, message limit 20
