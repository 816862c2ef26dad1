# Tasks stuck pending for over ten minutes
tasks where last_status = PENDING and duration > 10m by cluster since 1d
