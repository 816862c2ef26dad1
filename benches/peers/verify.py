"""What a peer wrote, read by a program that is not in the race (pyarrow).

Prints one JSON object: rows, unique event ids, and for each column how many values it holds.
Absent and empty text count as no value, because engines differ in which they write.
"""

import json
import sys

import pyarrow as arrow
import pyarrow.compute as compute
import pyarrow.parquet as parquet


def values(column):
    """How many values a column holds."""
    if arrow.types.is_string(column.type) or arrow.types.is_large_string(column.type) or column.type == "string_view":
        return compute.sum(compute.not_equal(column, "")).as_py() or 0
    if arrow.types.is_binary(column.type) or arrow.types.is_large_binary(column.type):
        return compute.sum(compute.greater(compute.binary_length(column), 0)).as_py() or 0
    return len(column) - column.null_count


def main():
    table = parquet.read_table(sys.argv[1])
    json.dump({"rows": table.num_rows, "unique": compute.count_distinct(table["event_id"]).as_py(),
               "values": {name: values(table[name]) for name in table.column_names}}, sys.stdout, sort_keys=True)


if __name__ == "__main__":
    main()
