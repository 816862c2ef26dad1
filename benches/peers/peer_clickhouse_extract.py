"""ClickHouse (chdb) the usual way: the file as text, `JSONExtract…` of each record, column by column."""

from chdb.session import Session

from columns import COLUMNS, FLAGS, QUERY_COLUMNS
from peer_clickhouse import count_reasons, insert, settings
from task import run_task, sql_text


def field(name):
    path = ", ".join(sql_text(step) for step in COLUMNS[name])
    if name in FLAGS:
        return f"JSONExtract(x, {path}, 'Nullable(Bool)')"
    if name == "event_time":
        return f"parseDateTime64BestEffort(JSONExtractString(x, {path}), 3, 'UTC')"
    text = f"JSONExtractRaw(x, {path})" if name == "failures" else f"JSONExtractString(x, {path})"
    return text if name == "event_id" else f"nullIf({text}, '')"


def select(arguments, names):
    fields = ", ".join(f"{field(name)} AS {name}" for name in names)
    pattern = sql_text(f"{arguments.files}/**/*.json.gz")
    return f"""SELECT {fields} FROM (
        SELECT arrayJoin(JSONExtractArrayRaw(json, 'Records')) AS x FROM file({pattern}, JSONAsString, 'json String'))"""


def load(arguments):
    insert(Session(), arguments, select(arguments, COLUMNS))


def raw(arguments):
    return count_reasons(Session(), f"({select(arguments, QUERY_COLUMNS)})", settings(arguments.threads))


if __name__ == "__main__":
    run_task({"load": load, "raw": raw})
