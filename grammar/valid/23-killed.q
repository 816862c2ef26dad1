# Kills (137) per service and revision
tasks where exit_code = 137 by service, task_definition since 14d
