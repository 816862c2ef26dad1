# on
failures on yesterday
