"""ClickHouse (chdb) at its fastest: the JSON is read once into a typed tuple.

Selecting all the tuple's fields straight from `file()` took several times as long as staging the
records in a Memory table first, so the load does that; it pays with memory.
"""

import json

from chdb.session import Session

from columns import BUCKET_PATH, BUCKET_WORD, COLUMNS, FLAGS, LAUNCH_CALLS, LAUNCH_SOURCE, QUERY_COLUMNS, nest
from task import originals_file, run_task, sql_list, sql_text

READING = {
    "input_format_json_read_objects_as_strings": 1,
    "input_format_json_read_arrays_as_strings": 1,
    "input_format_json_ignore_unknown_keys_in_named_tuple": 1,
    "input_format_json_defaults_for_missing_elements_in_named_tuple": 1,
}
WRITING = {"output_format_parquet_compression_method": "'zstd'", "engine_file_truncate_on_insert": 1}


def settings(threads, *groups):
    every = {"max_threads": threads, "max_parsing_threads": threads}
    for group in groups:
        every |= group
    return "SETTINGS " + ", ".join(f"{name} = {value}" for name, value in every.items())


def column_type(name):
    return "Nullable(Bool)" if name in FLAGS else "String"


def tuple_type(tree):
    parts = (f"`{name}` {tuple_type(kind) if isinstance(kind, dict) else kind}" for name, kind in tree.items())
    return f"Tuple({', '.join(parts)})"


def field(name):
    """The expression for one column of a record `r`; an absent text is missing, not empty."""
    path = "r" + "".join(f".`{step}`" for step in COLUMNS[name])
    if name == "event_time":
        return f"parseDateTime64BestEffort({path}, 3, 'UTC')"
    return path if name in FLAGS or name == "event_id" else f"nullIf({path}, '')"


def records(arguments, names):
    """A subquery with one typed record `r` per row."""
    pattern = sql_text(f"{arguments.files}/**/*.json.gz")
    kind = sql_text(f"Records Array({tuple_type(nest(names, column_type))})")
    return f"(SELECT arrayJoin(Records) AS r FROM file({pattern}, JSONEachRow, {kind}))"


def insert(session, arguments, select, *groups):
    session.query(f"""INSERT INTO FUNCTION file({sql_text(arguments.out)}, Parquet)
        {select} LIMIT 1 BY event_id {settings(arguments.threads, WRITING, *groups)}""")


def load(arguments):
    session = Session()
    session.query("CREATE DATABASE staging ENGINE = Atomic")
    session.query(f"CREATE TABLE staging.records (r {tuple_type(nest(COLUMNS, column_type))}) ENGINE = Memory")
    session.query(f"""INSERT INTO staging.records SELECT r FROM {records(arguments, COLUMNS)}
        {settings(arguments.threads, READING)}""")
    fields = ", ".join(f"{field(name)} AS {name}" for name in COLUMNS)
    insert(session, arguments, f"SELECT {fields} FROM staging.records")


def count_reasons(session, rows, setting):
    """`rows` has `event_id`, `event_source`, `event_name` and `failures`, with repeats."""
    answer = session.query(f"""
        SELECT JSONExtractString(f, 'reason') AS reason, count() AS n FROM (
            SELECT arrayJoin(JSONExtractArrayRaw(ifNull(failures, ''))) AS f FROM (
                SELECT event_id, failures FROM {rows}
                WHERE event_source = {sql_text(LAUNCH_SOURCE)} AND event_name IN {sql_list(LAUNCH_CALLS)}
                LIMIT 1 BY event_id))
        GROUP BY reason {setting}""", "JSONCompactColumns").data()
    return parse_columns(answer)


def parse_columns(text):
    reasons, counts = json.loads(text)
    return {reason: int(count) for reason, count in zip(reasons, counts, strict=True)}


def raw(arguments):
    fields = ", ".join(f"{field(name)} AS {name}" for name in QUERY_COLUMNS)
    rows = f"(SELECT {fields} FROM {records(arguments, QUERY_COLUMNS)})"
    return count_reasons(Session(), rows, settings(arguments.threads, READING))


def stored(arguments):
    return count_reasons(Session(), f"file({sql_text(arguments.out)}, Parquet)", settings(arguments.threads))


def originals(arguments):
    pattern, target = sql_text(f"{arguments.files}/**/*.json.gz"), sql_text(originals_file(arguments))
    Session().query(f"""INSERT INTO FUNCTION file({target}, Parquet)
        SELECT JSONExtractString(raw, 'eventID') AS event_id, raw
        FROM (SELECT arrayJoin(JSONExtractArrayRaw(json, 'Records')) AS raw FROM file({pattern}, JSONAsString, 'json String'))
        LIMIT 1 BY event_id {settings(arguments.threads, WRITING)}""")


def search(arguments):
    path = ", ".join(map(sql_text, BUCKET_PATH))
    # The search in the whole text spares most texts the search in their structure.
    answer = Session().query(f"""SELECT count() FROM file({sql_text(originals_file(arguments))}, Parquet)
        WHERE raw LIKE '%{BUCKET_WORD}%' AND JSONExtractString(raw, {path}) LIKE '%{BUCKET_WORD}%'
        {settings(arguments.threads)}""", "TSV").data()
    return int(answer)


if __name__ == "__main__":
    run_task({"load": load, "raw": raw, "stored": stored, "originals": originals, "search": search,
              "start": lambda _: Session().query("SELECT 1") and None})
