"""polars at its fastest: files inflated by Python threads in batches, each batch read as NDJSON.

A delivered file is one line, so `read_ndjson` with a schema takes many at once;
`scan_ndjson` over the same `.gz` files gave the same rows and was slower when tried.
"""

import glob
import io
import os
import sys
import zlib
from concurrent.futures import ThreadPoolExecutor

# polars sizes its pool when it is imported.
os.environ["POLARS_MAX_THREADS"] = sys.argv[sys.argv.index("--threads") + 1]
import polars as pl

from columns import COLUMNS, FLAGS, LAUNCH_CALLS, LAUNCH_SOURCE, QUERY_COLUMNS, nest
from task import run_task

FILES_A_BATCH = 200
FAILURES = pl.List(pl.Struct({"arn": pl.String, "reason": pl.String, "detail": pl.String}))


def column_type(name):
    return FAILURES if name == "failures" else pl.Boolean if name in FLAGS else pl.String


def struct(tree):
    return pl.Struct({name: struct(kind) if isinstance(kind, dict) else kind for name, kind in tree.items()})


def field(name):
    first, *rest = COLUMNS[name]
    path = pl.col(first)
    for step in rest:
        path = path.struct.field(step)
    if name == "event_time":
        path = path.str.to_datetime("%Y-%m-%dT%H:%M:%SZ")
    return path.alias(name)


def inflate(path):
    with open(path, "rb") as file:
        return zlib.decompress(file.read(), wbits=31)


def read_records(arguments, names, keep):
    """The columns `names` of all files; `keep` is applied to each batch before it is kept."""
    files = sorted(glob.glob(f"{arguments.files}/**/*.json.gz", recursive=True))
    schema = {"Records": pl.List(struct(nest(names, column_type)))}

    def read(batch):
        lines = io.BytesIO(b"\n".join(map(inflate, batch)))
        frame = pl.read_ndjson(lines, schema=schema).lazy()
        frame = frame.select(pl.col("Records").explode()).select(pl.col("Records").struct.unnest())
        return keep(frame.select([field(name) for name in names])).collect()

    batches = [files[i : i + FILES_A_BATCH] for i in range(0, len(files), FILES_A_BATCH)]
    with ThreadPoolExecutor(arguments.threads) as threads:
        return pl.concat(threads.map(read, batches))


def load(arguments):
    frame = read_records(arguments, COLUMNS, lambda batch: batch)
    frame.unique("event_id").write_parquet(arguments.out, compression="zstd")


def keep_launches(frame):
    return frame.filter(
        (pl.col("event_source") == LAUNCH_SOURCE)
        & pl.col("event_name").is_in(LAUNCH_CALLS)
        & (pl.col("failures").list.len() > 0)
    )


def count_reasons(frame):
    reasons = frame.unique("event_id").select(pl.col("failures").explode().struct.field("reason"))
    return reasons.group_by("reason").len().collect().rows()


def raw(arguments):
    return count_reasons(read_records(arguments, QUERY_COLUMNS, keep_launches).lazy())


def stored(arguments):
    return count_reasons(keep_launches(pl.scan_parquet(arguments.out).select(QUERY_COLUMNS)))


if __name__ == "__main__":
    run_task({"load": load, "raw": raw, "stored": stored, "start": lambda _: None})
