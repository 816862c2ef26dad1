# Hours for which the export has no CloudTrail file
gaps by account, region since 30d
