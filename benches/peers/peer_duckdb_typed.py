"""DuckDB the way its documentation shows first: `read_json` with explicit column types, then unnest.

Kept beside `peer_duckdb.py` because it is what most people write, and what its figures are
usually quoted for. Start-up and queries over Parquet are the same, so only two tasks are here.
"""

from columns import nest
from peer_duckdb import column_type, load, raw
from task import run_task, sql_text


def struct(tree):
    """The SQL type of a tree of fields."""
    parts = (f'"{name}" {struct(kind) if isinstance(kind, dict) else kind}' for name, kind in tree.items())
    return f"STRUCT({', '.join(parts)})"


def typed_records(arguments, names):
    pattern = sql_text(f"{arguments.files}/**/*.json.gz")
    kind = sql_text(struct(nest(names, column_type)) + "[]")
    return f"""(SELECT unnest(Records) AS r FROM read_json({pattern}, columns = {{Records: {kind}}},
        format = 'newline_delimited', maximum_object_size = {arguments.largest + 1}))"""


if __name__ == "__main__":
    run_task({
        "load": lambda arguments: load(arguments, typed_records),
        "raw": lambda arguments: raw(arguments, typed_records),
    })
