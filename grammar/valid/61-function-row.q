# function: of one row
failures show upper(reason), length(message), round(abs(requested_cpu), 1) as cpu limit 5
