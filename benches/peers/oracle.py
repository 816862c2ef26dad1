"""The right answer, the slow and obvious way: every record through Python's own json.

Prints one JSON object: files, bytes of JSON, the largest file, unique event ids, and ECS launch
failures by reason over unique ids. Reading everything once also warms the page cache for all.
"""

import gzip
import json
import multiprocessing
import sys
from collections import Counter
from pathlib import Path

from columns import LAUNCH_CALLS, LAUNCH_SOURCE


def is_launch(record):
    return record["eventSource"] == LAUNCH_SOURCE and record["eventName"] in LAUNCH_CALLS


def read_file(path):
    """The length of one file, its event ids, and the failure reasons of each launch in it."""
    text = gzip.decompress(path.read_bytes())
    ids, launches = [], {}
    for record in json.loads(text)["Records"]:
        ids.append(record["eventID"])
        if is_launch(record):
            failures = (record["responseElements"] or {}).get("failures") or []
            launches[record["eventID"]] = [failure["reason"] for failure in failures]
    return len(text), ids, launches


def main():
    files = sorted(Path(sys.argv[1]).rglob("*.json.gz"))
    lengths, ids, launches = [], set(), {}
    with multiprocessing.Pool(int(sys.argv[2])) as pool:
        for length, file_ids, file_launches in pool.imap_unordered(read_file, files, chunksize=64):
            lengths.append(length)
            ids.update(file_ids)
            launches.update(file_launches)
    reasons = Counter(reason for failures in launches.values() for reason in failures)
    json.dump({"files": len(files), "bytes": sum(lengths), "largest": max(lengths, default=0),
               "unique": len(ids), "reasons": reasons}, sys.stdout, sort_keys=True)


if __name__ == "__main__":
    main()
