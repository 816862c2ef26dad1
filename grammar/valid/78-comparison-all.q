# comparison
failures where exit_code = 1 and exit_code != 2 and exit_code < 3 and exit_code <= 4 and exit_code > 5 and exit_code >= 6
