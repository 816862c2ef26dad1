"""One program, one process: in, a command; out, what it printed, its wall clock and its peak memory.

`os.wait4` reports the peak of the child itself. On Linux a child starts with the peak of the
process that spawned it, so nothing large may ever run inside this one.
"""

import os
import subprocess
import tempfile
import time
from dataclasses import dataclass


class Failed(Exception):
    """A program ended with an error or gave a wrong answer."""


@dataclass
class Run:
    seconds: float
    peak: int  # bytes
    output: str


def run(command, environment):
    """Runs `command` to its end; anything but exit code 0 is `Failed`."""
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        begin = time.perf_counter()
        process = subprocess.Popen(command, stdout=output, stderr=errors, env=environment)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        errors.seek(0)
        if process.returncode != 0:
            said = errors.read().strip()[-2000:]
            raise Failed(f"{' '.join(map(str, command))}\n  exit code {process.returncode}: {said}")
        return Run(seconds, usage.ru_maxrss * 1024, output.read())
