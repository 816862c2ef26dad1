# window, on, calendar
failures on last month by reason
