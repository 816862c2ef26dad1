"""Other engines read the store and change it: every table opens, every value is ours, every original is JSON, and what they
delete or put together is kept by the next load.

    python tests/engines/check.py BINARY EXPORT...

Loads the exports into a store, then reads each table with delta-rs, DuckDB, Polars and ClickHouse (chdb) and compares it
with what `ecs-audit sql` says; then deletes rows, compacts and vacuums with delta-rs, and compares again. Needs the packages of `requirements.txt`. Exits with 1 and says what differs.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import chdb
import duckdb
import polars
import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable

BINARY = str(Path(sys.argv[1]).resolve())
EXPORTS = [str(Path(path).resolve()) for path in sys.argv[2:]]
IDS = ["id", "request_id", "shared_event_id"]


def run(*arguments, codes=(0,)):
    done = subprocess.run([BINARY, *arguments], capture_output=True, text=True)
    if done.returncode not in codes:
        sys.exit(f"{arguments} ended with {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done.stdout


def ours(store, table, work):
    out = work / f"{table}.parquet"
    run("sql", f"select * from {table}", "--store", str(store), "--out", str(out), "--quiet")
    return plain(pq.read_table(out))


def plain(table):
    """One type for each kind of column, rows in one order, `day` left out: it is not a column of ours."""
    columns, names = [], []
    for name in sorted(table.column_names):
        if name == "day":
            continue
        column = table[name]
        kind = column.type
        if pa.types.is_timestamp(kind):
            column = column.cast(pa.timestamp("us", tz="UTC"))
        elif pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind) or pa.types.is_binary(kind):
            column = column.cast(pa.large_string())
        elif pa.types.is_dictionary(kind):
            column = column.cast(pa.large_string())
        elif pa.types.is_integer(kind):
            column = column.cast(pa.int64())
        columns.append(column)
        names.append(name)
    table = pa.table(columns, names=names)
    # Equal rows may come in either order; all columns tell the others apart.
    return table.sort_by([(name, "ascending") for name in names])


def restored(table):
    """Originals with their ids, as the README says."""
    if not {"raw", *IDS} <= set(table.column_names):
        return table
    rows = zip(table["raw"].to_pylist(), *(table[name].to_pylist() for name in IDS))
    whole = []
    for raw, *ids in rows:
        if raw is not None:
            json.loads(raw)
            for number, own in enumerate(ids, 1):
                if own:
                    raw = raw.replace(f'"\\u000{number}"', f'"{own}"')
        whole.append(raw)
    at = table.column_names.index("raw")
    return table.set_column(at, "raw", pa.array(whole, pa.large_string()))


def same(engine, name, theirs, wanted):
    theirs = plain(restored(theirs))
    missing = set(wanted.column_names) - set(theirs.column_names)
    if missing:
        sys.exit(f"{engine} does not see the columns {sorted(missing)} of {name}")
    if theirs.num_rows != wanted.num_rows:
        sys.exit(f"{engine} sees {theirs.num_rows} rows of {name}, not {wanted.num_rows}")
    for column in wanted.column_names:
        left, right = theirs[column].to_pylist(), wanted[column].to_pylist()
        for row, (their, our) in enumerate(zip(left, right)):
            if their != our:
                sys.exit(f"{engine}: {name}.{column}, row {row}: {their!r} is not {our!r}")


def compare(store, work):
    tables = sorted(path.name for path in (store / "tables").iterdir() if (path / "_delta_log").is_dir())
    for name in tables:
        folder = store / "tables" / name
        wanted = ours(store, name, work)
        delta = DeltaTable(str(folder))
        for path in folder.rglob("day=*/*.parquet"):
            # Fails if a page differs from its checksum.
            pq.read_table(path, page_checksum_verification=True, partitioning=None)
        same("delta-rs", name, pa.table(delta.to_pyarrow_table()), wanted)
        files = delta.file_uris()
        if not files:
            continue
        same("DuckDB", name, duckdb.sql(f"select * from read_parquet({files!r}, union_by_name = true)").to_arrow_table(), wanted)
        same("Polars", name, polars.read_delta(str(folder)).to_arrow(), wanted)
        counted = chdb.query(f"select count() from deltaLakeLocal('{folder}')", "CSV").data().strip()
        if int(counted) != wanted.num_rows:
            sys.exit(f"ClickHouse sees {counted} rows of {name}, not {wanted.num_rows}")
        if "raw" in wanted.column_names and name != "flows":
            for text in delta.to_pyarrow_table(columns=["raw"])["raw"].to_pylist():
                if text is not None:
                    json.loads(text)
        print(f"{name}: {wanted.num_rows} rows are the same in delta-rs, DuckDB, Polars and ClickHouse")


def notebook(store):
    """The example of the documentation runs as it is."""
    text = (Path(__file__).resolve().parents[2] / "docs" / "store.md").read_text()
    example = text.split("```python\n")[1].split("```")[0]
    if ".ecs-audit/tables" not in example:
        sys.exit("the example of docs/store.md reads no store")
    exec(compile(example.replace(".ecs-audit", str(store)), "docs/store.md", "exec"), {})


def count(store, table, condition="true"):
    out = run("sql", f"select count(*) as n from {table} where {condition}", "--store", str(store), "--format", "csv", "--quiet")
    return int(out.split()[1])


def change(store, exports, work):
    """DELETE, OPTIMIZE and VACUUM by delta-rs become a part of the store, and a load does not undo them."""
    folder = str(store / "tables" / "calls")
    condition = "event_name = 'RunTask'"
    every, chosen = count(store, "calls"), count(store, "calls", condition)
    if not 0 < chosen < every:
        sys.exit(f"{chosen} of {every} calls are to be deleted: the exports do not fit this test")
    DeltaTable(folder).delete(condition)
    if (left := count(store, "calls")) != every - chosen:
        sys.exit(f"after a DELETE of {chosen} of {every} calls there are {left}")
    # The files of the exports are touched, so that all of them are read again.
    for export in exports:
        for path in Path(export).rglob("*"):
            if path.is_file():
                os.utime(path)
        run("load", export, "--store", str(store), codes=(0, 3))
    if count(store, "calls", condition) != 0:
        sys.exit("a load brings back what another program deleted")
    for name in ("calls", "task_events", "failures"):
        DeltaTable(str(store / "tables" / name)).optimize.compact()
    run("store", "verify", "--store", str(store))
    run("store", "adopt", "--store", str(store))
    for name in ("calls", "task_events", "failures"):
        table = DeltaTable(str(store / "tables" / name))
        table.vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False)
    compare(store, work)
    if count(store, "calls") != every - chosen:
        sys.exit("after OPTIMIZE and VACUUM other calls are there than before")
    run("store", "compact", "--store", str(store))
    run("store", "vacuum", "--keep", "0s", "--store", str(store))
    run("store", "verify", "--store", str(store))
    compare(store, work)
    print(f"{chosen} calls that delta-rs deleted stay deleted, after OPTIMIZE, VACUUM and a load")


def main():
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        store = work / "store"
        # ClickHouse reads nothing outside of the working directory.
        os.chdir(work)
        exports = []
        for number, export in enumerate(EXPORTS):
            exports.append(str(work / f"export-{number}"))
            shutil.copytree(export, exports[-1])
            run("load", exports[-1], "--store", str(store), codes=(0, 3))
        compare(store, work)
        notebook(store)
        change(store, exports, work)


main()
