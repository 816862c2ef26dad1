# window, until
failures until 1d
