# Who gets refused by RunTask, and with what code
calls where event_name = RunTask and failed by user, error_code since 7d top 20
