# range: a word is cut at two dots
#= failures where exit_code in 1..5 and exit_code not in 3..4
failures where exit_code in 1..5 and exit_code not in 3 .. 4
