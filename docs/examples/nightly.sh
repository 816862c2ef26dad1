#!/bin/sh
# Loads the logs of the last two days and prints the findings that no earlier run has printed: cron mails what is printed.
#
# Set BUCKET, ACCOUNT and REGION of the trail. The current folder keeps the export, the store and the known findings.
set -eu

# A record is delivered up to a quarter of an hour late, so yesterday's folder can still grow.
for day in "$(date -u -d yesterday +%Y/%m/%d)" "$(date -u +%Y/%m/%d)"; do
    aws s3 sync --only-show-errors "s3://$BUCKET/AWSLogs/$ACCOUNT/CloudTrail/$REGION/$day/" "s3-export/cloudtrail/$day/"
    aws s3 sync --only-show-errors "s3://$BUCKET/ecs-events/$day/" "s3-export/ecs-events/$day/"
done

# Exit code 3: everything that could be read is loaded. `ecs-audit doctor` shows the rest.
ecs-audit load s3-export/ --quiet >load.log || [ $? -eq 3 ]

# The first run has no known findings, so it prints all of them.
if [ -e known.toml ]; then
    set -- --baseline known.toml
fi
status=0
ecs-audit check --since 1d "$@" --quiet --out findings.txt || status=$?
case $status in
1) cat findings.txt ;;
2) exit 2 ;;
esac

# What does not occur any more is forgotten, so that it is printed if it comes back.
ecs-audit check --since 1d --write-baseline known.toml --quiet || [ $? -eq 3 ]
