"""Run a command to its end and say what it took: CPU seconds, seconds on the clock, peak memory, the machine's load before it.

    python benchmarks/measured.py LOG COMMAND ...

A process of its own, and a small one: a process that is started by a large one begins with that one's peak (Linux carries it over).
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple


class Run(NamedTuple):
    """One command, from start to end."""

    cpu: float
    """CPU seconds, of its children too."""
    wall: float
    peak: float
    """MB: the largest resident set of the process or of one of its children."""
    load: float
    """Of the machine, before it."""


def measured(command: list[str], log: Path, **variables: str) -> Run:
    """Run a command; its output goes to the log.

    Raises
    ------
    SystemExit
        If it fails, with the end of the log.
    """
    launcher = [sys.executable, "-S", "-E", __file__, str(log), *command]
    done = subprocess.run(launcher, check=False, stdout=subprocess.PIPE, env={**os.environ, **variables})
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed; its last words: {log.read_text(errors='replace')[-600:]}")
    return Run(*json.loads(done.stdout))


def main() -> None:
    log, *command = sys.argv[1:]
    load, started = os.getloadavg()[0], time.monotonic()
    with Path(log).open("wb") as out:
        code = subprocess.run(command, stdout=out, stderr=subprocess.STDOUT, check=False).returncode
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(json.dumps([usage.ru_utime + usage.ru_stime, time.monotonic() - started, usage.ru_maxrss / 1e3, load]))
    sys.exit(1 if code else 0)


if __name__ == "__main__":
    main()
