"""The right answer, the slow and obvious way: every record through Python's own json.

Prints one JSON object: files, bytes of JSON, the largest file, unique event ids, ECS launch
failures by reason over unique ids, and how many unique calls name a certain bucket. Reading everything once also warms the page cache for all.
"""

import gzip
import json
import multiprocessing
import sys
from collections import Counter
from pathlib import Path

from columns import BUCKET_PATH, BUCKET_WORD, LAUNCH_CALLS, LAUNCH_SOURCE


def is_launch(record):
    return record["eventSource"] == LAUNCH_SOURCE and record["eventName"] in LAUNCH_CALLS


def names_bucket(record):
    parameters, name = BUCKET_PATH
    bucket = (record.get(parameters) or {}).get(name)
    return isinstance(bucket, str) and BUCKET_WORD in bucket


def read_file(path):
    """The length of one file, its event ids, the failure reasons of each launch in it, and the ids of calls with the bucket."""
    text = gzip.decompress(path.read_bytes())
    ids, launches, buckets = [], {}, []
    for record in json.loads(text)["Records"]:
        ids.append(record["eventID"])
        if names_bucket(record):
            buckets.append(record["eventID"])
        if is_launch(record):
            failures = (record["responseElements"] or {}).get("failures") or []
            launches[record["eventID"]] = [failure["reason"] for failure in failures]
    return len(text), ids, launches, buckets


def main():
    files = sorted(Path(sys.argv[1]).rglob("*.json.gz"))
    lengths, ids, launches, buckets = [], set(), {}, set()
    with multiprocessing.Pool(int(sys.argv[2])) as pool:
        for length, file_ids, file_launches, file_buckets in pool.imap_unordered(read_file, files, chunksize=64):
            lengths.append(length)
            ids.update(file_ids)
            launches.update(file_launches)
            buckets.update(file_buckets)
    reasons = Counter(reason for failures in launches.values() for reason in failures)
    json.dump({"files": len(files), "bytes": sum(lengths), "largest": max(lengths, default=0),
               "unique": len(ids), "reasons": reasons, "found": len(buckets)}, sys.stdout, sort_keys=True)


if __name__ == "__main__":
    main()
