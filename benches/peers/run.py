#!/usr/bin/env python3
"""Compares ecs-audit with DuckDB, ClickHouse (chdb) and polars on one corpus, in turn.

    benches/peers/run.py --corpus DIR [--binary target/release/ecs-audit | --peers-only]

Every task of every program is a process of its own, held to the same CPUs. Answers are checked
against a slow reading by Python's json; a wrong answer or a failing program ends the run.
"""

import argparse
import json
import os
import subprocess
import sys
import venv
from pathlib import Path

sys.dont_write_bytecode = True

from corpus import link_clean_files, read_truth
from measure import Failed, run
from programs import ALL_TASKS, HERE, PEERS, EcsAudit, Peer
from report import as_data, table


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--corpus", type=Path, required=True, help="folder with truth.json and tree/")
    parser.add_argument("--binary", type=Path, default=Path("target/release/ecs-audit"))
    parser.add_argument("--peers-only", action="store_true", help="leave ecs-audit out")
    parser.add_argument("--programs", default=",".join(PEERS), help="peers to run (default: %(default)s)")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--venv", type=Path, default=Path("target/peers-venv"))
    parser.add_argument("--work", type=Path, default=Path("target/peers-work"), help="clean files and stores (default: %(default)s)")
    parser.add_argument("--json", type=Path, help="write every measurement to this file")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.programs.split(",") if name not in PEERS]
    if unknown:
        parser.error(f"no peer is called {unknown[0]}; there are {', '.join(PEERS)}")
    if arguments.runs < 1:
        parser.error("--runs must be at least 1")
    if not arguments.peers_only and not arguments.binary.is_file():
        parser.error(f"no binary at {arguments.binary}: build it with `cargo build --release`, or say --peers-only")
    return arguments


def hold_to_cpus(threads):
    """This process and all it starts run on `threads` CPUs, whatever an engine makes of its settings."""
    cpus = sorted(os.sched_getaffinity(0))
    if not 1 <= threads <= len(cpus):
        raise SystemExit(f"error: --threads {threads}, but {len(cpus)} CPUs can be used here")
    os.sched_setaffinity(0, cpus[:threads])


def set_up_peers(folder):
    """A virtual environment with the pinned packages; installs only when the pins changed."""
    python, pins = folder.resolve() / "bin" / "python", HERE / "requirements.txt"
    installed = folder / "installed.txt"
    if not installed.is_file() or installed.read_text() != pins.read_text():
        venv.create(folder, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "-r", pins], check=True)
        installed.write_text(pins.read_text())
    return python


def ask_oracle(python, files, threads, truth):
    """The right answers; they must agree with what the generator planned."""
    facts = json.loads(run([python, HERE / "oracle.py", files, str(threads)], dict(os.environ)).output)
    planned = truth["cloudtrail"]
    for name, key in (("files", "files"), ("bytes", "uncompressed_bytes"), ("unique", "unique_records")):
        if facts[name] != planned[key]:
            raise Failed(f"the corpus has {name} = {facts[name]}, its truth.json says {planned[key]}: was it changed?")
    return facts


def choose_programs(arguments, files, facts, python):
    chosen = [Peer(name, *PEERS[name], files, arguments.work, arguments.threads, facts["largest"], python)
              for name in arguments.programs.split(",")]
    if not arguments.peers_only:
        chosen.insert(0, EcsAudit(arguments.binary.resolve(), files, arguments.work, arguments.threads))
    return chosen


def race(programs, runs, facts):
    """All runs of all tasks, the programs taking turns; every answer is checked."""
    results = {task: {} for task in ALL_TASKS}
    for task in ALL_TASKS:
        for turn in range(runs):
            for program in (program for program in programs if task in program.tasks):
                if task == "load":
                    program.clear()
                os.sync()
                done = run(program.command(task), program.environment)
                if task in ("raw", "stored", "search"):
                    check_answer(program, task, done.output, facts)
                results[task].setdefault(program.name, []).append(done)
                print(f"{task:6} {turn + 1}/{runs} {program.name:18} {done.seconds:8.3f} s", file=sys.stderr)
    return results


def check_answer(program, task, output, facts):
    answer = program.answer(task, output)
    if task == "search":
        if answer != facts["found"]:
            raise Failed(f"{program.name} found {answer} calls, there are {facts['found']}")
    elif answer != facts["reasons"]:
        wrong = sorted(set(answer.items()) ^ set(facts["reasons"].items()))
        raise Failed(f"{program.name} gives another answer for `{task}`; these differ: {wrong[:8]}")


def check_contents(programs, python, facts):
    """Every store holds each event once, and all peers hold the same number of values in each column."""
    first = None
    for program in programs:
        found = program.contents(python)
        if found["unique"] != facts["unique"]:
            raise Failed(f"{program.name} stored {found['unique']} events, the corpus has {facts['unique']}")
        if "values" not in found:
            continue
        first = first or (program.name, found["values"])
        if found["values"] != first[1]:
            differing = sorted(name for name in first[1] if found["values"].get(name) != first[1][name])
            raise Failed(f"{program.name} and {first[0]} stored different values in {', '.join(differing)}")


def main():
    arguments = parse_arguments()
    hold_to_cpus(arguments.threads)
    arguments.work = arguments.work.resolve()
    python = set_up_peers(arguments.venv)
    truth = read_truth(arguments.corpus)
    files = arguments.work / "files"
    compressed = link_clean_files(arguments.corpus, truth, files)
    facts = ask_oracle(python, files, arguments.threads, truth) | {"compressed": compressed}
    programs = choose_programs(arguments, files, facts, python)
    results = race(programs, arguments.runs, facts)
    check_contents(programs, python, facts)
    stored = {program.name: program.stored_bytes() for program in programs}
    print(f"{facts['bytes'] / 1e6:,.0f} MB of JSON, {facts['files']:,} files ({compressed / 1e6:,.0f} MB compressed), "
          f"{facts['unique']:,} unique events, {sum(facts['reasons'].values()):,} launch failures; "
          f"{arguments.threads} CPUs, {arguments.runs} runs each. All answers are equal.\n")
    for task in ("load", "raw", "stored", "originals", "search", "start"):
        print(table(task, results[task], facts["bytes"], stored))
    if arguments.json:
        arguments.json.write_text(json.dumps(as_data(results, facts, stored), indent=1) + "\n")


if __name__ == "__main__":
    try:
        main()
    except Failed as error:
        raise SystemExit(f"error: {error}") from error
