"""Kills commands at random times: whatever a command was doing, the store is intact, and running it again finishes the work.

    python tests/kill/sweep.py BINARY [--runs 500] [--seed 1] [--only NAME]

The commands are a first load, a load of more files, a load that migrates a store of an earlier release, `store compact`, `store
drop`, `store vacuum`, `store reclassify` and `report --out`, each on a copy of a small store of eight days. Each is killed
(SIGKILL) at a uniformly random time within the duration that it has undisturbed. Then:

- the store has the rows from before the command or those from after it, and nothing between;
- `store verify` finds nothing serious;
- the next load, and then the command, run again, succeed, and the rows are those from after it;
- after the next `store vacuum`, `store verify` finds nothing at all, and no file is there that the store does not name;
- the folder of a report is a whole report or none, and nothing remains beside it.

Prints a table, and exits with 1 if anything differs. Needs nothing but Python, and a system with SIGKILL.
"""

import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter, deque
from pathlib import Path

SAMPLES = Path(__file__).resolve().parents[2] / "samples"
EXPORTS = SAMPLES / "exports"
# Of two copies of a record, the one that is read first is loaded, which depends on the threads; and the ledger records when and
# by which load a file was read. Neither is compared.
LEDGER = ["file", "read", "loaded + duplicate", "filtered", "quarantined"]
PROVENANCE = {"file", "record"}
TWO_HOURS = 2 * 3600


LOAD = ["load", EXPORTS]


class Broken(Exception):
    pass


class Sweep:
    def __init__(self, binary, work):
        self.binary, self.work = binary, Path(work)

    def start(self, arguments, store):
        command = [self.binary, *map(str, arguments), "--store", str(store), "--quiet", "--no-config"]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=self.work)

    def run(self, arguments, store, codes=(0,)):
        process = self.start(arguments, store)
        out, error = process.communicate()
        if process.returncode not in codes:
            raise Broken(f"`{' '.join(map(str, arguments))}` ended with {process.returncode}: {(out + error).strip()[:600]}")
        return out

    def rows(self, store):
        """All rows of all tables, in one order; nothing if there is no store."""
        if not (store / "tables" / "files" / "_delta_log").is_dir():
            return []
        parts = []
        for table in self.tables:
            columns = [f'"{column}"' for column in self.tables[table] if column not in PROVENANCE]
            cells = " || '|' || ".join(f"coalesce(cast({column} as varchar), '-')" for column in (LEDGER if table == "files" else columns))
            parts.append(f"select '{table}' as of, {cells} as line from {table}")
        out = self.run(["sql", " union all ".join(parts), "--format", "ndjson"], store, (0, 2))
        return sorted(out.splitlines())

    def read_columns(self, store):
        """The columns of each table of a store."""
        names = sorted(path.name for path in (store / "tables").iterdir())
        self.tables = {}
        for name in names:
            if name != "removed":
                out = self.run(["sql", f"select * from {name} limit 0", "--format", "csv"], store)
                self.tables[name] = out.strip().split(",")

    def faults(self, store):
        return json.loads(self.run(["store", "verify", "--json"], store, (0, 1)))["faults"]

    def extra_files(self, store):
        """Files below the tables that are neither logs nor named by the manifest, and anything beside what a store has."""
        manifest = json.loads((store / "manifest.json").read_text())
        named = {f"{table}/{file['path']}" for table, state in manifest["tables"].items() for file in state["files"]}
        below = [path.relative_to(store / "tables") for path in (store / "tables").rglob("*") if path.is_file()]
        extra = [str(path) for path in below if str(path) not in named and "_delta_log" not in path.parts]
        logs = [str(path) for path in below if "_delta_log" in path.parts
                and not (path.suffix in (".json", ".parquet") or path.name == "_last_checkpoint")]
        beside = [path.name for path in store.iterdir() if path.name not in ("lock", "manifest.json", "tables")]
        return extra + logs + beside


def forget(store):
    """Turns a store into one of an earlier release: without checksums, and without two of its columns."""
    for table in (store / "tables").iterdir():
        missing = {"calls": "error_message", "files": "note"}.get(table.name)
        for path in sorted((table / "_delta_log").glob("*.json")):
            actions = [json.loads(line) for line in path.read_text().splitlines()]
            for action in actions:
                action.get("commitInfo", {}).pop("ecs-audit.seals", None)
                action.get("add", {}).pop("tags", None)
                if missing and "metaData" in action:
                    schema = json.loads(action["metaData"]["schemaString"])
                    schema["fields"] = [field for field in schema["fields"] if field["name"] != missing]
                    action["metaData"]["schemaString"] = json.dumps(schema)
            path.write_text("".join(json.dumps(action) + "\n" for action in actions))
    (store / "manifest.json").unlink()


class Case:
    """A command, the store that it starts from, and the rows before and after it."""

    def __init__(self, sweep, name, base, arguments, codes=(0,)):
        self.sweep, self.name, self.base, self.arguments, self.codes = sweep, name, base, arguments, codes
        self.durations, self.counts = deque(maxlen=9), Counter()
        self.is_followed_by_load = arguments is not LOAD
        for _ in range(3):
            with self.copy() as folder:
                store = Path(folder) / "store"
                self.before = sweep.rows(store)
                self.timed(store, Path(folder))
                self.after = sweep.rows(store)
                self.report = self.written(Path(folder))

    def copy(self):
        folder = tempfile.TemporaryDirectory(dir=self.sweep.work)
        if self.base is not None:
            shutil.copytree(self.base, Path(folder.name) / "store")
        return folder

    def of(self, folder):
        return [str(argument).replace("FOLDER", str(folder)) for argument in self.arguments]

    def timed(self, store, folder):
        start = time.monotonic()
        self.sweep.run(self.of(folder), store, self.codes)
        self.durations.append(time.monotonic() - start)

    @staticmethod
    def written(folder):
        report = folder / "report"
        return {path.name: path.read_bytes() for path in report.iterdir()} if report.is_dir() else None

    def once(self, chance):
        with self.copy() as folder:
            folder = Path(folder)
            store = folder / "store"
            if self.report is not None and chance.random() < 0.5:
                # Half of the reports replace an earlier one.
                shutil.copytree(self.base.parent / "earlier", folder / "report")
            earlier = self.written(folder)
            process = self.sweep.start(self.of(folder), store)
            time.sleep(chance.random() * statistics.median(self.durations))
            process.kill()
            process.communicate()
            self.counts["killed" if process.returncode == -9 else "had ended"] += 1
            self.check(folder, store, earlier)

    def check(self, folder, store, earlier):
        rows = self.sweep.rows(store)
        if rows not in (self.before, self.after):
            raise Broken(f"{len(rows)} rows are neither the {len(self.before)} from before nor the {len(self.after)} from after")
        if self.before != self.after:
            self.counts["after" if rows == self.after else "before"] += 1
        if rows:
            if serious := [fault for fault in self.sweep.faults(store) if fault["serious"]]:
                raise Broken(f"verify after the kill: {serious}")
        if self.report is not None:
            self.check_report(folder, earlier)
        if self.is_followed_by_load:
            self.sweep.run(LOAD, store, (0, 3))
        self.timed(store, folder)
        if self.report is not None and self.written(folder) != self.report:
            raise Broken("the report, written again, is another one than undisturbed")
        self.sweep.run(["store", "vacuum", "--keep", "0s"], store)
        if faults := self.sweep.faults(store):
            raise Broken(f"verify after the vacuum: {faults}")
        if self.sweep.rows(store) != self.after:
            raise Broken("the command, run again, leaves other rows than undisturbed")
        if extra := self.sweep.extra_files(store):
            raise Broken(f"left over after a vacuum: {extra}")
        if left := sorted(path.name for path in folder.iterdir() if path.name not in ("store", "report")):
            raise Broken(f"left over beside the report: {left}")

    def check_report(self, folder, earlier):
        found = self.written(folder)
        # Between the two renames that replace a report, there is none for a moment.
        if found not in (None, earlier, self.report):
            raise Broken(f"the folder of the report has {len(found)} files, which are neither a whole report nor the earlier one")
        for left in folder.glob(".report.*"):
            self.counts["left a folder"] += 1
            # What is young may belong to a report that is being written.
            os.utime(left, (time.time() - TWO_HOURS, time.time() - TWO_HOURS))


def cases(sweep):
    """The stores to start from, and the commands."""
    parts = sorted(path for path in EXPORTS.iterdir())
    folder = sweep.work / "bases"
    loaded, some, old, replaced = (folder / name for name in ("loaded", "some", "old", "replaced"))
    for part in parts:
        sweep.run(["load", part], loaded, (0, 3))
    sweep.read_columns(loaded)
    half = parts[: len(parts) // 2]
    for part in half:
        sweep.run(["load", part], some, (0, 3))
    sweep.run(["store", "vacuum", "--keep", "0s"], loaded)
    sweep.run(["store", "vacuum", "--keep", "0s"], some)
    shutil.copytree(some, old)
    forget(old)
    shutil.copytree(loaded, replaced)
    sweep.run(["store", "compact"], replaced)
    sweep.run(["report", "--since", "1d", "--out", folder / "earlier"], loaded)
    return [
        Case(sweep, "first load", None, LOAD, (0, 3)),
        Case(sweep, "load", some, LOAD, (0, 3)),
        Case(sweep, "migration", old, LOAD, (0, 3)),
        Case(sweep, "store compact", loaded, ["store", "compact"]),
        Case(sweep, "store drop", loaded, ["store", "drop", "--before", "2026-03-05", "--yes"]),
        Case(sweep, "store vacuum", replaced, ["store", "vacuum", "--keep", "0s"]),
        Case(sweep, "store reclassify", loaded, ["store", "reclassify", "--rules", SAMPLES / "rules.toml"]),
        Case(sweep, "report --out", loaded, ["report", "--since", "2d", "--out", "FOLDER/report"]),
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary")
    parser.add_argument("--runs", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", metavar="NAME", help="only the command with this name, such as `store drop`")
    chosen = parser.parse_args()
    chance, broken = random.Random(chosen.seed), []
    with tempfile.TemporaryDirectory() as work:
        sweep = Sweep(str(Path(chosen.binary).resolve()), work)
        every = [case for case in cases(sweep) if chosen.only in (None, case.name)]
        if not every:
            sys.exit(f"there is no command {chosen.only}")
        # A report writes for a small part of its time, and takes as long as all others together.
        turns = [case for turn in range(4) for case in every if case.report is None or turn == 0]
        for number in range(chosen.runs):
            case = turns[number % len(turns)]
            try:
                case.once(chance)
            except Broken as error:
                case.counts["broken"] += 1
                broken.append(f"run {number}, {case.name}: {error}")
                print(broken[-1], file=sys.stderr, flush=True)
            if (number + 1) % 25 == 0:
                print(f"{number + 1} runs, {len(broken)} broken", file=sys.stderr, flush=True)
    columns = ["killed", "had ended", "before", "after", "left a folder", "broken"]
    print(f"| command | rows before / after | seconds | {' | '.join(columns)} |")
    print(f"|---|--:|--:|{'--:|' * len(columns)}")
    for case in every:
        counts = " | ".join(str(case.counts[column]) for column in columns)
        print(f"| {case.name} | {len(case.before)} / {len(case.after)} | {statistics.median(case.durations):.2f} | {counts} |")
    if broken:
        sys.exit(f"{len(broken)} of {chosen.runs} runs broke something")


if __name__ == "__main__":
    main()
