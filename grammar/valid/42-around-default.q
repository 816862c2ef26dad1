# around
failures around latest
