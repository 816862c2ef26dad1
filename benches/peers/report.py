"""The tables: in, the runs of each program and task; out, Markdown with seconds, rates and ratios."""

from statistics import median

TITLES = {
    "load": "Load: raw export to typed columns on disk",
    "raw": "One shot: launch failures by reason over raw files",
    "stored": "The same query over what each program stored",
    "originals": "Originals: the JSON of every record on disk (part of the load of ecs-audit)",
    "search": "Search in the originals: calls with a word in the name of a bucket",
    "start": "Start-up alone",
}
WRITING = ("load", "originals")
OVER_RAW = ("load", "raw", "originals")


def baseline(runs):
    """ecs-audit where it took part, else the fastest program."""
    if "ecs-audit" in runs:
        return "ecs-audit"
    return min(runs, key=lambda name: median(run.seconds for run in runs[name]))


def table(task, runs, json_bytes, stored):
    """`runs` maps a program to its runs of one task, `stored` to the bytes it left on disk by task."""
    base = baseline(runs)
    base_seconds = median(run.seconds for run in runs[base])
    head = ["program", "min s", "median s", "peak MiB", f"× {base}"]
    if task in OVER_RAW:
        head[3:3] = ["MB/s"]
    if task in WRITING:
        head.append("stored MB")
    rows = [row(task, name, runs[name], base_seconds, json_bytes, stored) for name in runs]
    rows.sort(key=lambda cells: float(cells[2]))
    return "\n".join([f"### {TITLES[task]}", "", *lines(head, rows), ""])


def row(task, name, runs, base_seconds, json_bytes, stored):
    middle = median(run.seconds for run in runs)
    cells = [name, f"{min(run.seconds for run in runs):.3f}", f"{middle:.3f}",
             f"{max(run.peak for run in runs) / 2**20:.0f}", f"{middle / base_seconds:.2f}"]
    if task in OVER_RAW:
        cells[3:3] = [f"{json_bytes / 1e6 / middle:.0f}"]
    if task in WRITING:
        cells.append(f"{stored[name][task] / 1e6:.1f}")
    return cells


def lines(head, rows):
    widths = [max(len(cells[i]) for cells in [head, *rows]) for i in range(len(head))]

    def line(cells):
        name, *numbers = (cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(cells, widths)))
        return "| " + " | ".join([name, *numbers]) + " |"

    rule = "|" + "|".join("-" * (w + 2) if i == 0 else "-" * (w + 1) + ":" for i, w in enumerate(widths)) + "|"
    return [line(head), rule, *map(line, rows)]


def as_data(results, facts, stored):
    """Everything measured, for a file."""
    return {
        "corpus": facts,
        "stored_bytes": stored,
        "runs": {task: {name: [{"seconds": run.seconds, "peak_bytes": run.peak} for run in runs]
                        for name, runs in programs.items()} for task, programs in results.items()},
    }
