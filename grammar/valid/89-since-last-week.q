# instant, calendar
failures since last week by service
