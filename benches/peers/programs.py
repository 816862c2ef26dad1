"""The programs in the race: for each, the command of a task and how to read its answer.

Tasks: `start` (nothing but start-up), `load` (raw files to a store), `raw` (the query straight
over raw files), `stored` (the query over what the program stored), `originals` (the text of every
record to a file) and `search` (a search in these texts).
"""

import csv
import io
import json
import os
import shutil
from pathlib import Path

from columns import BUCKET_PATH, BUCKET_WORD
from measure import Failed, run

HERE = Path(__file__).resolve().parent
SENTENCES = {"quota-fargate-vcpu": "You've reached the limit on the number of vCPUs you can run concurrently"}
QUERY = "failures where kind = launch by reason"
SEARCH = f"calls where raw.{'.'.join(BUCKET_PATH)} contains {BUCKET_WORD} show count"


class EcsAudit:
    name = "ecs-audit"
    tasks = ("start", "load", "raw", "stored", "search")

    def __init__(self, binary, files, work, threads):
        self.binary, self.files, self.store = binary, files, work / "ecs-audit-store"
        kept = {name: value for name, value in os.environ.items() if not name.startswith("ECS_AUDIT_")}
        self.environment = kept | {"RAYON_NUM_THREADS": str(threads)}

    def command(self, task):
        query = [QUERY, "--format", "csv"]
        return [self.binary] + {
            "start": ["--version"],
            "load": ["load", "--store", self.store, self.files],
            "raw": ["query", "--from", self.files, *query],
            "stored": ["query", "--store", self.store, *query],
            "search": ["query", "--store", self.store, SEARCH, "--format", "csv"],
        }[task]

    def clear(self):
        shutil.rmtree(self.store, ignore_errors=True)

    def stored_bytes(self):
        return {"load": sum(path.stat().st_size for path in self.store.rglob("*") if path.is_file())}

    def answer(self, task, output):
        """The peers print what AWS wrote; here a reason that AWS gives as a sentence has a code."""
        if task == "search":
            return int(self.rows(output)[0]["count"])
        return {SENTENCES.get(row["reason"], row["reason"]): int(row["count"]) for row in self.rows(output)}

    def contents(self, _python):
        command = [self.binary, "query", "--store", self.store, "calls show count", "--format", "csv"]
        return {"unique": int(self.rows(run(command, self.environment).output)[0]["count"])}

    @staticmethod
    def rows(output):
        return list(csv.DictReader(io.StringIO(output)))


class Peer:
    def __init__(self, name, script, tasks, files, work, threads, largest, python):
        self.name, self.tasks = name, tasks
        self.out = work / f"{name}.parquet"
        self.originals = work / f"{name}.parquet.originals"
        self.start = [python, HERE / script]
        self.options = ["--files", files, "--out", self.out, "--threads", str(threads), "--largest", str(largest)]
        self.environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}

    def command(self, task):
        return [*self.start, task, *self.options]

    def clear(self):
        self.out.unlink(missing_ok=True)
        self.originals.unlink(missing_ok=True)

    def stored_bytes(self):
        files = {"load": self.out, "originals": self.originals}
        return {task: path.stat().st_size for task, path in files.items() if path.exists()}

    def answer(self, _task, output):
        return json.loads(output)

    def contents(self, python):
        found = json.loads(run([python, HERE / "verify.py", self.out], self.environment).output)
        if found["rows"] != found["unique"]:
            raise Failed(f"{self.name} stored {found['rows']} rows for {found['unique']} event ids")
        return found


ALL_TASKS = ("start", "load", "raw", "stored", "originals", "search")
PEERS = {
    "duckdb": ("peer_duckdb.py", ALL_TASKS),
    "duckdb-typed": ("peer_duckdb_typed.py", ("load", "raw")),
    "clickhouse": ("peer_clickhouse.py", ALL_TASKS),
    "clickhouse-extract": ("peer_clickhouse_extract.py", ("load", "raw")),
    "polars": ("peer_polars.py", ("start", "load", "raw", "stored")),
}
