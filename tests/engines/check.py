"""Other engines read the store and change it: every table opens, every value is ours, every original is JSON, and what they
delete or put together is kept by the next load.

    python tests/engines/check.py BINARY EXPORT... [--corpus SIZE]

Loads the exports into a store, then reads each table with delta-rs, DuckDB, Polars, ClickHouse (chdb) and Sail (through the
client of Spark), and compares it with what `ecs-audit sql` says; then deletes rows, compacts and vacuums with delta-rs, and
compares again. With `--corpus`, does the same with a generated corpus of that size, where the generator is beside the project.
Needs the packages of `requirements.txt`. Exits with 1 and says what differs.
"""

import argparse
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import chdb
import duckdb
import polars
import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable
from pysail.spark import SparkConnectServer
from pyspark.sql import SparkSession

PROJECT = Path(__file__).resolve().parents[2]
GENERATOR = PROJECT.parent / "shared" / "tools" / "make_corpus.py"
IDS = ["id", "request_id", "shared_event_id"]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary")
    parser.add_argument("exports", nargs="+", metavar="EXPORT")
    parser.add_argument("--corpus", metavar="SIZE", help="uncompressed size, such as 64MiB")
    return parser.parse_args()


CHOSEN = arguments()
BINARY = str(Path(CHOSEN.binary).resolve())


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
        if theirs[column].equals(wanted[column]):
            continue
        left, right = theirs[column].to_pylist(), wanted[column].to_pylist()
        for row, (their, our) in enumerate(zip(left, right)):
            if their != our:
                sys.exit(f"{engine}: {name}.{column}, row {row}: {their!r} is not {our!r}")


def clickhouse(query):
    return pa.ipc.open_file(io.BytesIO(chdb.query(query, "Arrow").bytes())).read_all()


# What each engine answers, given SQL with the table as `{table}`. ClickHouse and Spark read `\\` in a text as one backslash.
SPEAK_SQL = {
    "DuckDB": lambda sql, folder, files, spark: duckdb.sql(
        sql.format(table=f"read_parquet({files!r}, union_by_name = true)")).to_arrow_table(),
    "Polars": lambda sql, folder, files, spark: polars.SQLContext(it=polars.scan_delta(folder)).execute(
        sql.format(table="it"), eager=True).to_arrow(),
    "ClickHouse": lambda sql, folder, files, spark: clickhouse(
        sql.replace("\\", "\\\\").format(table=f"deltaLakeLocal('{folder}')")),
    "Sail": lambda sql, folder, files, spark: spark.sql(sql.replace("\\", "\\\\").format(table=f"delta.`{folder}`")).toArrow(),
}


def compare(store, work, spark):
    tables = sorted(path.name for path in (store / "tables").iterdir() if (path / "_delta_log").is_dir())
    expression = documented("sql")
    for name in tables:
        folder = str(store / "tables" / name)
        wanted = ours(store, name, work)
        delta = DeltaTable(folder)
        for path in Path(folder).rglob("day=*/*.parquet"):
            # Fails if a page differs from its checksum.
            pq.read_table(path, page_checksum_verification=True, partitioning=None)
        same("delta-rs", name, pa.table(delta.to_pyarrow_table()), wanted)
        files = delta.file_uris()
        if not files:
            continue
        same("Polars", name, polars.read_delta(folder).to_arrow(), wanted)
        same("Sail", name, spark.read.format("delta").load(folder).toArrow(), wanted)
        for engine, ask in SPEAK_SQL.items():
            same(engine, name, ask("select * from {table}", folder, files, spark), wanted)
        if set(IDS) < set(wanted.column_names):
            for engine, ask in SPEAK_SQL.items():
                whole = ask(f"select id, {expression} as raw from {{table}}", folder, files, spark)
                same(f"{engine}, by the expression of docs/store.md,", name, whole, plain(wanted.select(["id", "raw"])))
        if "raw" in wanted.column_names and name != "flows":
            for text in delta.to_pyarrow_table(columns=["raw"])["raw"].to_pylist():
                if text is not None:
                    json.loads(text)
        print(f"{name}: {wanted.num_rows} rows are the same in delta-rs, {', '.join(SPEAK_SQL)}")


def documented(language):
    """The example in this language in the documentation."""
    return (PROJECT / "docs" / "store.md").read_text().split(f"```{language}\n")[1].split("```")[0].strip()


def notebook(store):
    """The example of the documentation runs as it is."""
    example = documented("python")
    if ".ecs-audit/tables" not in example:
        sys.exit("the example of docs/store.md reads no store")
    exec(compile(example.replace(".ecs-audit", str(store)), "docs/store.md", "exec"), {})


def count(store, table, condition="true"):
    out = run("sql", f"select count(*) as n from {table} where {condition}", "--store", str(store), "--format", "csv", "--quiet")
    return int(out.split()[1])


def change(store, exports, work, spark):
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
    compare(store, work, spark)
    if count(store, "calls") != every - chosen:
        sys.exit("after OPTIMIZE and VACUUM other calls are there than before")
    run("store", "compact", "--store", str(store))
    run("store", "vacuum", "--keep", "0s", "--store", str(store))
    run("store", "verify", "--store", str(store))
    compare(store, work, spark)
    print(f"{chosen} calls that delta-rs deleted stay deleted, after OPTIMIZE, VACUUM and a load")


def check(exports, spark):
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        store = work / "store"
        # ClickHouse reads nothing outside of the working directory.
        os.chdir(work)
        copies = []
        for number, export in enumerate(exports):
            copies.append(str(work / f"export-{number}"))
            shutil.copytree(export, copies[-1])
            run("load", copies[-1], "--store", str(store), codes=(0, 3))
        compare(store, work, spark)
        notebook(store)
        change(store, copies, work, spark)
        os.chdir(PROJECT)
    print(f"checked {', '.join(exports)} in {time.monotonic() - start:.0f} s")


def generated(size, folder):
    """The exports of a corpus of this size, or nothing and the reason why."""
    if not GENERATOR.is_file():
        print("SKIPPED: there is no corpus generator beside the project, so only the samples were checked", file=sys.stderr)
        return None
    made = subprocess.run([sys.executable, GENERATOR, "--size", size, "--seed", "11", "--jobs", "1", "--out", folder],
                          capture_output=True, text=True)
    if made.returncode != 0:
        print(f"SKIPPED: the corpus generator does not run here, so only the samples were checked:\n{made.stderr}", file=sys.stderr)
        return None
    return str(Path(folder) / "tree")


def main():
    # Sail logs each session, and the client of Spark warns of a newer pandas, which nothing here uses.
    os.environ.setdefault("RUST_LOG", "error")
    warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)
    server = SparkConnectServer()
    server.start()
    _, port = server.listening_address
    spark = SparkSession.builder.remote(f"sc://127.0.0.1:{port}").getOrCreate()
    check([str(Path(export).resolve()) for export in CHOSEN.exports], spark)
    if CHOSEN.corpus:
        with tempfile.TemporaryDirectory() as folder:
            if corpus := generated(CHOSEN.corpus, folder):
                check([corpus], spark)
    spark.stop()
    server.stop()


main()
