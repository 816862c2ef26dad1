# function: parts of a time
failures by minute(time), minute_of_day(time), day(time), date(time), week(time), month(time), year(time)
