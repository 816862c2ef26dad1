"""The columns every peer writes, in one place, so that all of them do the same work.

COLUMNS maps the name in Parquet to its path in a CloudTrail record. `event_time` becomes a
timestamp, the two flags become booleans, `failures` keeps the whole list; all others are text.
"""

COLUMNS = {
    "event_time": ("eventTime",),
    "event_id": ("eventID",),
    "event_source": ("eventSource",),
    "event_name": ("eventName",),
    "region": ("awsRegion",),
    "account": ("recipientAccountId",),
    "event_type": ("eventType",),
    "event_category": ("eventCategory",),
    "user_type": ("userIdentity", "type"),
    "user_arn": ("userIdentity", "arn"),
    "user_name": ("userIdentity", "userName"),
    "access_key_id": ("userIdentity", "accessKeyId"),
    "source_ip": ("sourceIPAddress",),
    "user_agent": ("userAgent",),
    "error_code": ("errorCode",),
    "error_message": ("errorMessage",),
    "request_id": ("requestID",),
    "read_only": ("readOnly",),
    "management_event": ("managementEvent",),
    "cluster": ("requestParameters", "cluster"),
    "started_by": ("requestParameters", "startedBy"),
    "task_group": ("requestParameters", "group"),
    "task_definition": ("requestParameters", "taskDefinition"),
    "launch_type": ("requestParameters", "launchType"),
    "failures": ("responseElements", "failures"),
}

FLAGS = ("read_only", "management_event")

# What the one-shot query needs and nothing more.
QUERY_COLUMNS = ("event_id", "event_source", "event_name", "failures")

# The search in originals: calls with this word in the name of a bucket.
BUCKET_PATH = ("requestParameters", "bucketName")
BUCKET_WORD = "security"

LAUNCH_SOURCE = "ecs.amazonaws.com"
LAUNCH_CALLS = ("RunTask", "StartTask")


def nest(names, leaf):
    """The columns `names` as a tree of record fields, with `leaf(column)` at the ends."""
    tree = {}
    for name in names:
        *parents, last = COLUMNS[name]
        node = tree
        for parent in parents:
            node = node.setdefault(parent, {})
        node[last] = leaf(name)
    return tree
