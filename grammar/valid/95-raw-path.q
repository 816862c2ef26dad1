# raw, step, field
#= calls by raw.requestParameters.startedBy, raw.responseElements.failures[0].reason
calls by RAW.requestParameters.startedBy, raw.responseElements.failures[0].reason
