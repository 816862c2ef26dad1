# dstack failures by reason and code, weekly
runs where exit_status is not missing and exit_status != 0 by termination_reason, exit_status every 1w since 90d
