# test: a boolean alone
failures where ran and not secondary
