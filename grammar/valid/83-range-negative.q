# range, number
failures where exit_code in -5..-1
