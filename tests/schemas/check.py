"""Every JSON answer of every command is what its schema in docs/schemas says.

    python tests/schemas/check.py BINARY EXPORTS

Loads EXPORTS into a store, runs every command that has `--json` with arguments that find something and with some that do not, and
validates each answer. A command with `--json` that is not run, a schema that no answer has, and a command without `--json` that is
not listed below are errors, so that none can be forgotten. Needs the packages of `requirements.txt`. Exits with 1 and says
what differs.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from jsonschema import Draft202012Validator
from referencing import Registry, Resource

ROOT = Path(__file__).resolve().parents[2]
BINARY = str(Path(sys.argv[1]).resolve())
EXPORTS = Path(sys.argv[2]).resolve()
SAMPLES = EXPORTS.parent

# They print no answer: protocols, files, and the address of a page.
WITHOUT_JSON = {"mcp", "serve", "completions", "man"}

SCHEMAS = {path.stem: json.loads(path.read_text()) for path in sorted((ROOT / "docs/schemas").glob("*.json"))}
REGISTRY = Registry().with_resources((schema["$id"], Resource.from_contents(schema)) for schema in SCHEMAS.values())

wrong = []
used_schemas = set()
used_commands = set()


def validator(name):
    return Draft202012Validator(SCHEMAS[name], registry=REGISTRY)


def commands(path=()):
    """The commands that the help lists, as paths such as `store verify`, with whether they have `--json`."""
    text = subprocess.run([BINARY, *path, "-h"], capture_output=True, text=True, check=True).stdout
    listed = re.search(r"^Commands:\n((?:  .*\n|\n)+?)(?=^\S|\Z)", text, re.MULTILINE)
    inner = re.findall(r"^  ([a-z][a-z-]*)(?: |$)", listed.group(1), re.MULTILINE) if listed else []
    has_json = re.search(r"^ +(?:-\w, )?--json\b", text, re.MULTILINE) is not None
    found = {" ".join(path): has_json} if path and (has_json or not inner) else {}
    for name in inner:
        if name != "help":
            found |= commands((*path, name))
    return found


def say_wrong(line, what):
    wrong.append(f"ecs-audit {' '.join(map(str, line))}\n    {what}")


def execute(line, work, stdin=None):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ECS_AUDIT_")}
    environment["XDG_CONFIG_HOME"] = str(work / "no-config")
    return subprocess.run([BINARY, *map(str, line)], capture_output=True, text=True, input=stdin or "", cwd=work, env=environment)


def validate(name, document, line):
    used_schemas.add(name)
    for fault in sorted(validator(name).iter_errors(document), key=lambda fault: list(fault.absolute_path))[:3]:
        place = "/".join(map(str, fault.absolute_path)) or "the document"
        say_wrong(line, f"{name}: {place}: {fault.message[:300]}")
    if isinstance(document, dict) and "columns" in document and "rows" in document:
        names = [column["name"] for column in document["columns"]]
        if any(list(row) != names for row in document["rows"]):
            say_wrong(line, f"{name}: a row has other keys than the columns {names}")


def ask(command, *arguments, schema, work, codes=(0,), stdin=None, form=("--json",)):
    """Runs a command and validates its answer. `schema` is None where the command ends without an answer."""
    line = [*command.split(), *arguments, *form]
    done = execute([*line[: len(command.split())], "--quiet", *line[len(command.split()) :]], work, stdin)
    used_commands.add(command)
    if done.returncode not in codes:
        say_wrong(line, f"exit code {done.returncode}, expected {codes}: {done.stderr.strip()[:500]}")
        return None
    if schema is None:
        if done.stdout:
            say_wrong(line, f"printed {done.stdout[:200]!r}, expected nothing")
        return None
    ndjson = "ndjson" in form
    texts = done.stdout.splitlines() if ndjson else [done.stdout]
    document = None
    for text in texts:
        try:
            document = json.loads(text)
        except ValueError as error:
            say_wrong(line, f"{error}: {text[:200]!r}")
            return None
        validate(schema, document, line)
    hidden = [character for character in done.stdout if character != "\n" and (ord(character) < 32 or 127 <= ord(character) < 160)]
    if hidden:
        say_wrong(line, f"control characters: {hidden[:5]!r}")
    if document is None and not ndjson:
        say_wrong(line, "no answer")
    return [json.loads(text) for text in texts] if ndjson else document


def rows(query, work):
    document = ask("query", query, schema="rows", work=work)
    return document["rows"] if document else sys.exit("\n".join(wrong))


NDJSON = ("--format", "ndjson")


def queries(work):
    """Cases for rows: every noun, empty windows, all types."""
    nouns = ask("fields", schema="fields", work=work)
    yield lambda: ask("fields", schema="row", work=work, form=NDJSON)
    yield lambda: ask("fields", "nonsense", schema=None, work=work, codes=(2,))
    for noun in [row["noun"] for row in nouns["rows"]]:
        yield lambda noun=noun: ask("fields", noun, schema="fields", work=work)
        yield lambda noun=noun: ask("query", f"{noun} show * limit 20", schema="rows", work=work)
        yield lambda noun=noun: ask("query", f"{noun} limit 5", "--evidence", schema="row", work=work, form=NDJSON)
        second = "between 2026-03-01T00:00:00Z and 2026-03-01T00:00:01Z"
        yield lambda noun=noun, second=second: ask("query", f"{noun} {second}", schema="rows", work=work)
    for query in [
        "failures by category, reason since 7d top 4",
        "failures where kind = launch by category every 1d since 7d",
        "failures by reason since 2d compare previous",
        "launches by family show lost, healed, count",
    ]:
        yield lambda query=query: ask("query", query, schema="rows", work=work)
        yield lambda query=query: ask("query", query, "--tz", "America/St_Johns", "--evidence", schema="row", work=work, form=NDJSON)
    yield lambda: ask("query", "failures by reason since 7d", "--redact", schema="rows", work=work)
    yield lambda: ask("query", "failures since 7d", "--links", schema="rows", work=work)
    yield lambda: ask("query", "failures since 7d", "--links", "--redact", schema=None, work=work, codes=(2,))
    yield lambda: ask("query", "@lost", "--set", "since=30d", schema="rows", work=work)
    yield lambda: ask("query", "-", schema="rows", work=work, stdin="failures limit 1")
    yield lambda: ask("query", "failures limit 2", "--from", EXPORTS / "fargate-quota", schema="rows", work=work)
    yield lambda: ask("query", "failures by reason", "--canonical", schema="plan", work=work)
    yield lambda: ask("query", "failures by reason", "--explain", schema="plan", work=work)
    yield lambda: ask("query", "failures since 2031-01-01", schema=None, work=work, codes=(2,))
    yield lambda: ask("query", "failures by resaon", schema=None, work=work, codes=(2,))
    yield lambda: ask("query", "failures by reason", "--chart", schema=None, work=work, codes=(2,))
    types = (
        "select null as a, 1 as b, 1.5 as c, true as d, 'x' as e, [1, 2] as f, ['x', null] as g, "
        "cast('nan' as double) as h, cast(1.25 as decimal(10, 2)) as i, interval '1 day' as j, date '2026-03-04' as k, "
        "timestamp '2026-03-04T01:02:03' as l, named_struct('m', 1) as n, '\u009b\u202e' as o, 18446744073709551615 as p"
    )
    yield lambda: ask("sql", types, schema="rows", work=work)
    yield lambda: ask("sql", types, schema="row", work=work, form=NDJSON)
    yield lambda: ask("sql", "select 1 as x from failures where false", schema="rows", work=work)
    yield lambda: ask("sql", "select id from failures limit 2", "--from", EXPORTS / "fargate-quota", schema="rows", work=work)
    yield lambda: ask("repl", schema="rows", work=work, stdin="failures by reason since 7d\n")
    yield lambda: ask("repl", "--from", EXPORTS / "fargate-quota", schema="row", work=work, stdin="failures\n", form=NDJSON)


def explanations(work):
    """Cases for explain, timeline, changes and show: a failure of each kind and cause, and every kind of subject."""
    failures = rows(
        "failures show id, kind, cause, phase, task, service, cluster, family, container_instance, run limit all", work
    )
    seen, subjects = set(), {}
    for row in failures:
        if (row["kind"], row["cause"]) not in seen:
            seen.add((row["kind"], row["cause"]))
            yield lambda row=row: ask("explain", row["id"], schema="explain", work=work)
        for column in ["task", "service", "cluster", "family", "container_instance", "run"]:
            if row.get(column):
                subjects.setdefault(column, row[column])
    print(f"{len(failures)} failures, {len(seen)} kinds and causes")
    healthy = rows("tasks where stop_code is missing show task limit 3", work)
    names = ["last", *subjects.values(), *[row["task"] for row in healthy if row.get("task")]]
    for name in names:
        yield lambda name=name: ask("explain", name, schema="explain", work=work)
        yield lambda name=name: ask("changes", name, schema="changes", work=work)
        # The newest failure may belong to nothing that has a timeline.
        yield lambda name=name: ask("timeline", name, schema="timeline", work=work)
    for name in names:
        yield lambda name=name: ask("explain", name, "--links", schema="explain", work=work)
        yield lambda name=name: ask("timeline", name, "--links", schema="timeline", work=work)
    for name in list(subjects.values())[:2]:
        yield lambda name=name: ask("explain", name, "--all", schema="explain-all", work=work)
        yield lambda name=name: ask("timeline", name, "--since", "2031-01-01", schema="timeline", work=work)
    for command in ["explain", "timeline", "changes", "show"]:
        yield lambda command=command: ask(command, "no-such-name", schema=None, work=work, codes=(2,))
    yield lambda: ask("explain", "--all", schema="explain-all", work=work)
    yield lambda: ask("explain", "--all", "--since", "2d", "--tz", "Asia/Tokyo", schema="explain-all", work=work)
    yield lambda: ask("explain", "--all", "--since", "2031-01-01", schema="explain-all", work=work)
    yield lambda: ask("explain", "--all", "--cluster", "nowhere", schema="explain-all", work=work)
    yield lambda: ask("explain", "last", "--from", EXPORTS / "fargate-quota", schema="explain", work=work)
    yield lambda: ask("timeline", "last", "--from", EXPORTS / "dstack-exit-status", schema="timeline", work=work)
    yield lambda: ask("changes", "--at", "2026-03-04T05:30Z", "--around", "2h", schema="changes", work=work)
    yield lambda: ask("changes", "--at", "2031-03-04T05:30Z", schema="changes", work=work)
    yield lambda: ask("changes", "last", "--from", EXPORTS / "silent-batch", schema="changes", work=work)
    quotas = SAMPLES / "quotas.json"
    yield lambda: ask("explain", "quota", "ap-northeast-1", schema="explain-quota", work=work)
    yield lambda: ask("explain", "quota", "ap-northeast-1", "--quotas", quotas, schema="explain-quota", work=work)
    yield lambda: ask("explain", "quota", "mars-north-1", schema="explain-quota", work=work)
    states = {row["state"]: row["id"] for row in rows("schedules show id, state limit all", work)}
    for start in states.values():
        yield lambda start=start: ask("explain", start, schema="explain-start", work=work)
    tables = ["calls", "task_events", "instance_events", "service_events", "run_records", "job_submissions"]
    for table in tables:
        found = ask("sql", f"select id from {table} where raw is not null limit 1", schema="rows", work=work)
        for row in found["rows"] if found else []:
            yield lambda row=row: ask("show", row["id"], schema="record", work=work)
    yield lambda: ask("show", failures[0]["id"], schema="record", work=work)


def checks(work):
    """Cases for check, preflight, doctor and the lists."""
    yield lambda: ask("check", schema="check", work=work, codes=(1,))
    yield lambda: ask("check", "--since", "7d", schema="check", work=work, codes=(1,))
    yield lambda: ask("check", "--since", "2031-01-01", schema=None, work=work, codes=(2,))
    yield lambda: ask("check", "--from", EXPORTS / "dstack-exit-status", "schedules", schema="check", work=work, codes=(0, 1, 3))
    yield lambda: ask("check", "--list", schema="check-list", work=work)
    pack = 'name = "ours"\n[[check]]\nname = "none"\nquestion = "?"\nremedy = "none"\n'
    (work / "pack.toml").write_text(f'{pack}query = "failures where reason = nothing by reason"\n')
    yield lambda: ask("check", "pack.toml", schema="check", work=work, codes=(0,))
    ask("check", "--since", "7d", "--write-baseline", "accepted.toml", schema=None, work=work, codes=(0, 3))
    ask("check", "--since", "7d", "--baseline", "accepted.toml", schema="check", work=work, codes=(0, 3))
    expired = re.sub(r"until = \S+", "until = 2020-01-01", (work / "accepted.toml").read_text())
    (work / "expired.toml").write_text(expired)
    yield lambda: ask("check", "--since", "7d", "--baseline", "expired.toml", schema="check", work=work, codes=(1,))
    definition = {
        "family": "web",
        "cpu": "1024",
        "memory": "1024",
        "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"],
        "containerDefinitions": [{"name": "app", "image": "web:1"}],
    }
    (work / "taskdef.json").write_text(json.dumps(definition))
    yield lambda: ask("preflight", "taskdef.json", schema="check", work=work, codes=(1,))
    yield lambda: ask("preflight", "-", "--store", "nowhere", schema=None, work=work, codes=(2,), stdin="{")
    yield lambda: ask("preflight", "taskdef.json", "--from", EXPORTS / "fargate-quota", schema="check", work=work, codes=(1,))
    yield lambda: ask("doctor", schema="doctor", work=work)
    yield lambda: ask("doctor", "--quotas", SAMPLES / "quotas.json", "--tz", "Asia/Tokyo", schema="doctor", work=work)
    yield lambda: ask("doctor", "--from", EXPORTS / "silent-batch", schema="doctor", work=work)
    yield lambda: ask("doctor", "--from", SAMPLES / "oddities", schema="doctor", work=work, codes=(3,), form=("--format", "json"))
    digests = SAMPLES / "digests"
    yield lambda: ask("verify-digests", digests, schema="verify-digests", work=work, codes=(0, 3))
    yield lambda: ask(
        "verify-digests", digests, "--public-keys", digests / "public-keys.json", schema="verify-digests", work=work, codes=(0, 3)
    )
    yield lambda: ask("verify-digests", EXPORTS / "fargate-quota", schema="verify-digests", work=work, codes=(3,))
    altered = work / "altered"
    shutil.copytree(digests, altered)
    logs = [path for path in sorted(altered.rglob("*.gz")) if "Digest" not in str(path)]
    logs[0].write_bytes(b"{}")
    logs[-1].unlink()
    yield lambda: ask("verify-digests", altered, schema="verify-digests", work=work, codes=(1,))
    yield lambda: ask("queries", schema="queries", work=work)
    yield lambda: ask("queries", "lost", schema="queries", work=work)
    yield lambda: ask("queries", "no-such-query", schema=None, work=work, codes=(2,))
    yield lambda: ask("config", schema="config", work=work)
    (work / "config.toml").write_text(f'tz = "Asia/Tokyo"\nrules = ["{SAMPLES}/rules.toml"]\nqueries.x = "failures by $what"\n')
    yield lambda: ask("config", "--config", "config.toml", schema="config", work=work)


def catalog(work):
    """Cases for the failure catalog."""
    entries = ask("catalog list", schema="catalog-list", work=work)["rows"]
    yield lambda: ask("catalog list", "no-such-word", schema="catalog-list", work=work)
    knowledge = [tomllib.loads(path.read_text()) for path in sorted((ROOT / "src/knowledge").glob("*.toml"))]
    benign = [entry for text in knowledge for entry in text.get("benign", [])]
    errors = [entry for text in knowledge for entry in text.get("error", []) if entry.get("examples")]
    for name in [*[row["id"] for row in entries[::12]], *[entry["id"] for entry in benign]]:
        yield lambda name=name: ask("catalog show", name, schema="catalog-entry", work=work)
    yield lambda: ask("catalog show", "no-such-entry", schema=None, work=work, codes=(2,))
    messages = [entry["examples"][0].replace("\n", " ") for entry in [*errors, *benign]]
    messages += ["no entry knows this message", "", "\u202e\u009b"]
    yield lambda: ask("catalog explain", "-", schema="catalog-explain", work=work, stdin="\n".join(messages))
    yield lambda: ask("catalog explain", "-", schema="catalog-match", work=work, stdin="\n".join(messages), form=NDJSON)
    yield lambda: ask("catalog explain", "AGENT", schema="catalog-explain", work=work)
    yield lambda: ask("catalog explain", "nothing", schema="catalog-match", work=work, form=NDJSON)
    yield lambda: ask("catalog test", SAMPLES / "rules.toml", schema="catalog-test", work=work)
    (work / "broken.toml").write_text('[[error]]\nid = "x"\npatterns = ["("]\n[[eror]]\n')
    yield lambda: ask("catalog test", SAMPLES / "rules.toml", "broken.toml", schema="catalog-test", work=work, codes=(2,))


def writing(work):
    """Commands that write: one after the other, each on a store of its own."""
    ask("report", "--since", "2d", "--out", "report", "--redact", schema="report", work=work)
    ask("report", "--since", "2d", "--out", "brief", "--brief", schema="report", work=work)
    ask("report", "--out", "own", "--sections", "findings", "--query", "Wrong=failures by", schema=None, work=work, codes=(2,))
    ask("report verify", "report", schema="report-verify", work=work)
    table = next(path for path in sorted((work / "report").glob("*.csv")) if len(path.read_text().splitlines()) > 2)
    table.write_text("\n".join(table.read_text().splitlines()[:-1]) + "\n")
    ask("report verify", "report", schema="report-verify", work=work, codes=(1,))
    ask("store export", "out", "failures", "calls", schema="store-export", work=work)
    ask("store export", "out", "failures", "--format", "csv", schema="store-export", work=work)
    ask("store", schema="store", work=work)
    ask("store", schema="row", work=work, form=NDJSON)

    odd = work / "odd"
    odd.mkdir()
    ask("load", SAMPLES / "oddities", schema="load", work=odd, codes=(3,))
    ask("load", SAMPLES / "oddities", schema="load", work=odd, codes=(0, 3))
    ask("load", work / "altered", schema="load", work=odd)
    ask("load", "nowhere", schema=None, work=odd, codes=(2,))
    ask("query", "quarantine limit all", schema="rows", work=odd)
    ask("store verify", schema="store-verify", work=odd)
    ask("store adopt", schema="store-adopt", work=odd)
    ask("store adopt", "--undo", schema="store-adopt", work=odd)

    part = work / "part"
    part.mkdir()
    ask("load", EXPORTS, "--since", "2026-03-06", "--region", "eu-west-1", schema="load", work=part)
    ask("load", EXPORTS, schema="load", work=part)
    ask("store compact", schema="store-compact", work=part)
    ask("store vacuum", "--keep", "0s", schema="store-vacuum", work=part)
    ask("store reclassify", schema="store-reclassify", work=part)
    ask("store reclassify", "--rules", SAMPLES / "rules.toml", schema="store-reclassify", work=part)
    ask("store drop", "--before", "5d", schema="store-drop", work=part)
    ask("store drop", "--before", "5d", "--yes", schema="store-drop", work=part)
    ask("store drop", "--before", "2001-01-01", schema="store-drop", work=part)
    ask("store vacuum", "--keep", "0s", schema="store-vacuum", work=part)
    files = sorted((part / ".ecs-audit/tables").glob("*/day=*/*.parquet"))
    files[0].write_bytes(files[0].read_bytes()[:-1] + b"x")
    files[1].unlink()
    files[2].write_bytes(b"")
    (files[3].parent / "part-of-nothing.parquet").write_bytes(b"x")
    ask("store verify", schema="store-verify", work=part, codes=(1,))

    nothing = work / "nothing"
    nothing.mkdir()
    for command, arguments in [("query", ["failures"]), ("store", []), ("store verify", []), ("explain", ["last"]), ("doctor", [])]:
        ask(command, *arguments, schema=None, work=nothing, codes=(2,))


def main():
    for name, schema in SCHEMAS.items():
        Draft202012Validator.check_schema(schema)
        if schema["$id"] != f"urn:ecs-audit:{name}:{schema['$id'].rsplit(':', 1)[1]}":
            wrong.append(f"docs/schemas/{name}.json: the $id {schema['$id']} does not have the name of the file")
    known = commands()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        ask("load", EXPORTS, schema="load", work=work)
        ask("load", EXPORTS, schema="load", work=work)
        for cases in [queries, explanations, checks, catalog]:
            # The cases of a generator only read.
            with ThreadPoolExecutor(os.cpu_count()) as pool:
                for done in [pool.submit(case) for case in cases(work)]:
                    done.result()
        writing(work)
    for command, has_json in known.items():
        if has_json and command not in used_commands:
            wrong.append(f"`{command}` has --json, and no case runs it: add one to {Path(__file__).name}, and its schema to docs/schemas")
        if not has_json and command not in WITHOUT_JSON:
            wrong.append(f"`{command}` has no --json")
    wrong.extend(f"docs/schemas/{name}.json: no answer has this schema" for name in SCHEMAS if name not in used_schemas)
    if wrong:
        sys.exit("\n".join(wrong))
    print(f"{len(used_commands)} commands and {len(used_schemas)} schemas agree")


if __name__ == "__main__":
    main()
