"""The command line every peer script shares: `TASK --files DIR --out FILE --threads N --largest BYTES`.

A task is its own process, so that start-up, memory and caches are each engine's own. A query
prints its answer as JSON, `{reason: count}` or a number; a load prints nothing and leaves FILE behind,
or FILE with the ending `.originals` for the originals.
"""

import argparse
import json


def run_task(tasks):
    """Runs the task named on the command line; `tasks` maps a name to a function of the arguments."""
    parser = argparse.ArgumentParser()
    parser.add_argument("task", choices=sorted(tasks))
    parser.add_argument("--files", required=True, help="folder of .json.gz files")
    parser.add_argument("--out", required=True, help="the Parquet file to write or to query")
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--largest", type=int, required=True, help="bytes of JSON in the largest file")
    arguments = parser.parse_args()
    answer = tasks[arguments.task](arguments)
    if answer is not None:
        print(json.dumps(answer if isinstance(answer, int) else dict(answer), sort_keys=True))


def originals_file(arguments):
    """The Parquet file with the text of every record."""
    return arguments.out + ".originals"


def sql_text(value):
    """`value` as a SQL string literal."""
    return "'" + str(value).replace("'", "''") + "'"


def sql_list(values):
    """`values` as a parenthesized SQL list of string literals."""
    return "(" + ", ".join(sql_text(value) for value in values) + ")"
