"""The table of small loads: a day of deliveries, each loaded as it arrives, against one load of all files.

    python benches/scale/loads.py BINARY [--files 1000]

CloudTrail delivers a file about every five minutes for each account and Region. Makes such files from the records of the samples,
with new times and ids, and loads each by itself. Prints Markdown: the time of the first and the last loads, and the files and bytes
that both stores have in the end. Exits with 1 if the stores have other rows, or if the small loads leave more than twice as many
files. Needs nothing but Python.
"""

import argparse
import gzip
import json
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import uuid
from datetime import datetime, timedelta, timezone
from pathlib import Path

from run import measured

SAMPLES = Path(__file__).resolve().parents[2] / "samples" / "exports"
ACCOUNTS = ["111122223333", "222233334444"]
REGIONS = ["eu-west-1", "us-east-1"]
START = datetime(2026, 3, 2, tzinfo=timezone.utc)
RECORDS = 40
MIB = 1 << 20


def sample_records():
    records = []
    for path in sorted(SAMPLES.rglob("*_CloudTrail_*.json.gz")):
        records += json.loads(gzip.decompress(path.read_bytes())).get("Records", [])
    return records


def deliveries(folder, count):
    """The paths of the files, in the order in which they arrive."""
    chance, known, paths = random.Random(7), sample_records(), []
    for number in range(count):
        slot, stream = divmod(number, len(ACCOUNTS) * len(REGIONS))
        account, region = ACCOUNTS[stream // len(REGIONS)], REGIONS[stream % len(REGIONS)]
        until = START + timedelta(minutes=5 * (slot + 1))
        records = []
        for record in chance.choices(known, k=RECORDS):
            time = until - timedelta(seconds=chance.randrange(60, 360))
            records.append(record | {
                "eventTime": time.strftime("%Y-%m-%dT%H:%M:%SZ"), "eventID": str(uuid.UUID(int=chance.getrandbits(128))),
                "requestID": str(uuid.UUID(int=chance.getrandbits(128))), "awsRegion": region, "recipientAccountId": account})
        tree = folder / "AWSLogs" / account / "CloudTrail" / region / until.strftime("%Y/%m/%d")
        tree.mkdir(parents=True, exist_ok=True)
        path = tree / f"{account}_CloudTrail_{region}_{until:%Y%m%dT%H%MZ}_{chance.getrandbits(64):016x}.json.gz"
        path.write_bytes(gzip.compress(json.dumps({"Records": records}).encode(), mtime=0))
        paths.append(path)
    return paths


def data_files(store):
    return [path for path in Path(store).rglob("*.parquet") if "_delta_log" not in path.parts]


def shape(store):
    """Data files and their bytes, files of the logs and their bytes."""
    data = data_files(store)
    logs = [path for path in Path(store).rglob("_delta_log/*") if path.is_file()]
    return len(data), sum(path.stat().st_size for path in data), len(logs), sum(path.stat().st_size for path in logs)


def processor_seconds():
    """Of all programs that have ended; less than the time that has passed where the machine does something else."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def rows(binary, store):
    query = "select id, time, account, region, event_name, raw from calls order by id"
    ask = [binary, "sql", query, "--store", store, "--format", "csv", "--quiet"]
    return subprocess.run(ask, check=True, capture_output=True).stdout


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary")
    parser.add_argument("--files", type=int, default=1000)
    chosen = parser.parse_args()
    binary = str(Path(chosen.binary).resolve())
    with tempfile.TemporaryDirectory() as work:
        paths = deliveries(Path(work) / "export", chosen.files)
        small, large = str(Path(work) / "small"), str(Path(work) / "large")
        loads, most = [], 0
        for number, path in enumerate(paths, 1):
            before = processor_seconds()
            seconds, memory, _ = measured([binary, "load", str(path), "--store", small, "--quiet"], work)
            loads.append((seconds, processor_seconds() - before, memory))
            most = max(most, len(data_files(small)))
            if number % 100 == 0:
                print(f"{number} loads, {seconds:.3f} s, {len(data_files(small))} data files", file=sys.stderr, flush=True)
        kept = shape(small)
        vacuum = [binary, "store", "vacuum", "--keep", "0s", "--quiet", "--store"]
        measured([*vacuum, small], work)
        whole = measured([binary, "load", str(Path(work) / "export"), "--store", large, "--quiet"], work)
        measured([*vacuum, large], work)
        some, all_at_once = shape(small), shape(large)
        verified = subprocess.run([binary, "store", "verify", "--store", small, "--quiet"], capture_output=True, text=True)
        alike = rows(binary, small) == rows(binary, large)
    tenth = max(1, len(loads) // 10)
    print(f"| {chosen.files} files with {RECORDS} records each | one load per file | one load |")
    print("|---|--:|--:|")
    print(f"| time of all loads | {sum(load[0] for load in loads):.1f} s | {whole[0]:.1f} s |")
    for at, name in enumerate(("time", "processor time")):
        first, last = (statistics.median(load[at] for load in part) for part in (loads[:tenth], loads[-tenth:]))
        print(f"| median {name} of the first / last {tenth} loads | {first:.3f} / {last:.3f} s | |")
    print(f"| largest peak memory | {max(load[2] for load in loads) / MIB:,.0f} MiB | {whole[1] / MIB:,.0f} MiB |")
    print(f"| data files, before the vacuum | {kept[0]}, {kept[1] / MIB:.1f} MiB (most at any time: {most} files) | |")
    for name, at in ("data files", 0), ("files of the logs", 2):
        one, other = ((part[at], part[at + 1] / MIB) for part in (some, all_at_once))
        print(f"| {name} | {one[0]}, {one[1]:.1f} MiB | {other[0]}, {other[1]:.1f} MiB |")
    if not alike:
        sys.exit("the stores have other rows")
    if verified.returncode != 0:
        sys.exit(f"the store is not intact:\n{verified.stdout}{verified.stderr}")
    if some[0] > 2 * all_at_once[0]:
        sys.exit(f"{some[0]} files are more than twice as many as {all_at_once[0]}")


if __name__ == "__main__":
    main()
