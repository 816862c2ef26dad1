# Container errors that carry no exit code: the container probably never ran (seed 3)
runs where termination_reason in (creating_container_error, container_exited_with_error) and exit_status is missing show run, job, image, message
