# The newest 50 failures (says that it stopped at 50)
failures
