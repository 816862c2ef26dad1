"""DuckDB at its fastest: each file is one JSON object, cut and typed inside the query.

`read_ndjson_objects` with an object limit of the largest file, then `json_transform` of each
record. See `peer_duckdb_typed.py` for the form its documentation shows first.
"""

import json

import duckdb

from columns import BUCKET_PATH, BUCKET_WORD, COLUMNS, FLAGS, LAUNCH_CALLS, LAUNCH_SOURCE, QUERY_COLUMNS, nest
from task import originals_file, run_task, sql_list, sql_text


def connect(threads):
    connection = duckdb.connect()
    connection.execute(f"SET threads = {threads}")
    connection.execute("SET preserve_insertion_order = false")
    return connection


def column_type(name):
    return "JSON" if name == "failures" else "BOOLEAN" if name in FLAGS else "VARCHAR"


def field(name):
    """The expression for one column of a record `r`."""
    path = "r" + "".join(f'."{step}"' for step in COLUMNS[name])
    return f"CAST({path} AS TIMESTAMP)" if name == "event_time" else path


def records(arguments, names):
    """A subquery with one typed record `r` per row."""
    pattern = sql_text(f"{arguments.files}/**/*.json.gz")
    shape = sql_text(json.dumps(nest(names, column_type)))
    return f"""(SELECT json_transform(j, {shape}) AS r FROM (
        SELECT unnest(CAST(json -> 'Records' AS JSON[])) AS j
        FROM read_ndjson_objects({pattern}, maximum_object_size = {arguments.largest + 1})))"""


def load(arguments, source=records):
    fields = ", ".join(f"{field(name)} AS {name}" for name in COLUMNS)
    connect(arguments.threads).execute(f"""
        COPY (SELECT DISTINCT ON (event_id) * FROM (SELECT {fields} FROM {source(arguments, COLUMNS)}))
        TO {sql_text(arguments.out)} (FORMAT parquet, COMPRESSION zstd)""")


def count_reasons(connection, rows):
    """`rows` has `event_id`, `event_source`, `event_name` and `failures`, with repeats."""
    return connection.execute(f"""
        SELECT f ->> 'reason' AS reason, count(*) FROM (
            SELECT unnest(CAST(failures AS JSON[])) AS f FROM (
                SELECT DISTINCT ON (event_id) failures FROM {rows}
                WHERE event_source = {sql_text(LAUNCH_SOURCE)} AND event_name IN {sql_list(LAUNCH_CALLS)}
                  AND json_array_length(failures) > 0))
        GROUP BY reason""").fetchall()


def raw(arguments, source=records):
    fields = ", ".join(f"{field(name)} AS {name}" for name in QUERY_COLUMNS)
    rows = f"(SELECT {fields} FROM {source(arguments, QUERY_COLUMNS)})"
    return count_reasons(connect(arguments.threads), rows)


def stored(arguments):
    return count_reasons(connect(arguments.threads), f"read_parquet({sql_text(arguments.out)})")


def originals(arguments):
    pattern = sql_text(f"{arguments.files}/**/*.json.gz")
    connect(arguments.threads).execute(f"""
        COPY (SELECT DISTINCT ON (event_id) j ->> 'eventID' AS event_id, CAST(j AS VARCHAR) AS raw FROM (
            SELECT unnest(CAST(json -> 'Records' AS JSON[])) AS j
            FROM read_ndjson_objects({pattern}, maximum_object_size = {arguments.largest + 1})))
        TO {sql_text(originals_file(arguments))} (FORMAT parquet, COMPRESSION zstd)""")


def search(arguments):
    path = sql_text("$." + ".".join(BUCKET_PATH))
    # The search in the whole text spares most texts the search in their structure.
    return connect(arguments.threads).execute(f"""
        SELECT count(*) FROM (SELECT raw FROM read_parquet({sql_text(originals_file(arguments))}) WHERE contains(raw, '{BUCKET_WORD}'))
        WHERE json_extract_string(raw, {path}) LIKE '%{BUCKET_WORD}%'""").fetchone()[0]


if __name__ == "__main__":
    run_task({"load": load, "raw": raw, "stored": stored, "originals": originals, "search": search, "start": lambda _: None})
