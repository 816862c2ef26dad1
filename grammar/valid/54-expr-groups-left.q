# expr: parentheses only where they matter
#= failures by service show count - 1 - 2 as a, count - (1 - 2) as b, count * 2 + 1 as c
failures by service show (count-1)-2 as a, count-(1-2) as b, (count*2)+1 as c
