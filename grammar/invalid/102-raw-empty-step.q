# raw, step
#! error: `raw.a..b` is not a valid path into the original record
#!   | calls by raw.a..b
#!   |          ^^^^^^^^
#!   = help: `raw.requestParameters.startedBy`, `raw.containers[0].exitCode`
calls by raw.a..b
