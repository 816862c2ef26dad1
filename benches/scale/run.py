"""The table of large stores: time and memory of each command, as loaded and after an explicit compaction.

    python benches/scale/run.py BINARY EXPORT [--runs 3]

Loads the export into a new store, asks, compacts, and asks again. Prints Markdown: the median time and the largest peak memory
of the runs. Needs nothing but Python. Keep the machine idle and the export in the page cache.
"""

import argparse
import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

MIB = 1 << 20


def measured(arguments, folder):
    """Runs a program; seconds, peak memory in bytes, standard output."""
    with tempfile.TemporaryFile() as out:
        start = time.monotonic()
        process = subprocess.Popen(arguments, stdout=out, stderr=subprocess.DEVNULL, cwd=folder)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode not in (0, 1, 3):
            raise SystemExit(f"{arguments} ended with {process.returncode}")
        out.seek(0)
        return seconds, usage.ru_maxrss * 1024, out.read().decode()


def commands(binary, store):
    """The commands, with an id, a task and a quota region that the store has."""

    def value(query):
        lines = measured([binary, "query", query, "--store", store, "--format", "csv", "--quiet"], None)[2].splitlines()
        return lines[1] if len(lines) > 1 else None

    report = str(Path(store).parent / "report")
    call = value("calls show id limit 1")
    failure = value("failures show id limit 1")
    task = value("failures where task is not missing show task limit 1")
    asked = [
        ("`calls by event_source top 5`", ["query", "calls by event_source top 5"]),
        ("`show ID`", ["show", call]),
        ("`explain ID`", ["explain", failure]),
        ("`explain last`", ["explain", "last"]),
        ("`timeline TASK`", ["timeline", task] if task else None),
        ("`changes last`", ["changes", "last"]),
        ("`schedules by schedule`", ["query", "schedules by schedule"]),
        ("`launches by outcome`", ["query", "launches by outcome"]),
        ("`collisions by started_by`", ["query", "collisions by started_by"]),
        ("`quota by region`", ["query", "quota by region"]),
        ("`stalls`", ["query", "stalls show count"]),
        ("`check --since 7d`", ["check", "--since", "7d"]),
        ("`doctor`", ["doctor"]),
        ("`report --since 7d`", ["report", "--since", "7d", "--out", report]),
        ("`report verify`", ["report", "verify", report]),
        ("search in `raw`", ["query", "calls where raw.requestParameters.bucketName contains prod show count"]),
    ]
    return [(name, [binary, *arguments, "--store", store]) for name, arguments in asked if arguments and all(arguments)]


def size_of(store):
    files = [path for path in Path(store).rglob("*.parquet")]
    return len(files), sum(path.stat().st_size for path in files)


def asked(binary, store, runs):
    answers = {}
    for name, arguments in commands(binary, store):
        done = [measured(arguments, None) for _ in range(runs)]
        answers[name] = statistics.median(seconds for seconds, _, _ in done), max(memory for _, memory, _ in done)
    return answers


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary")
    parser.add_argument("export")
    parser.add_argument("--runs", type=int, default=3)
    chosen = parser.parse_args()
    binary = str(Path(chosen.binary).resolve())
    export = Path(chosen.export).resolve()
    packed = sum(path.stat().st_size for path in export.rglob("*") if path.is_file())
    with tempfile.TemporaryDirectory() as work:
        store = str(Path(work) / "store")
        load = measured([binary, "load", str(export), "--store", store], work)
        again = measured([binary, "load", str(export), "--store", store], work)
        files, size = size_of(store)
        loaded = asked(binary, store, chosen.runs)
        compact = measured([binary, "store", "compact", "--store", store], work)
        measured([binary, "store", "vacuum", "--keep", "0s", "--store", store], work)
        compacted_files, compacted_size = size_of(store)
        compacted = asked(binary, store, chosen.runs)
    print(f"| {packed / 1e6:,.0f} MB of exports, {os.cpu_count()} cores | as loaded | compacted | ratio |")
    print("|---|--:|--:|--:|")
    print(f"| files, bytes of the store | {files}, {size / 1e6:,.0f} MB ({size / packed:.2f} of the export) "
          f"| {compacted_files}, {compacted_size / 1e6:,.0f} MB ({compacted_size / packed:.2f}) | |")
    for name, (seconds, memory, _) in {"load": load, "load with nothing new": again}.items():
        print(f"| {name} | {seconds:.2f} s, {memory / MIB:,.0f} MiB | | |")
    print(f"| `store compact` | | {compact[0]:.2f} s, {compact[1] / MIB:,.0f} MiB | |")
    for name, (seconds, memory) in loaded.items():
        later, least = compacted[name]
        print(f"| {name} | {seconds:.2f} s, {memory / MIB:,.0f} MiB | {later:.2f} s, {least / MIB:,.0f} MiB | {seconds / later:.2f} |")


if __name__ == "__main__":
    main()
