# between, calendar
failures between last month and this month by reason
