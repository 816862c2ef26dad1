# operand, string
failures by coalesce(service, 'no service') as service
