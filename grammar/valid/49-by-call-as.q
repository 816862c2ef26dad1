# by, key, alias, subject, call
failures by hour(time) as h, lower(service)
