# function: raw text as a number
calls by event_name show max(number(raw.requestParameters.count)) as most
