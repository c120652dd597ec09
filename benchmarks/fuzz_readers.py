"""Fuzz every reader: mutated files against what must hold whatever a file contains.

    python -m benchmarks.fuzz_readers --minutes 20 --seed 1 --readers warc,arc --findings /tmp/findings

`--minutes` are CPU minutes, shared equally by the readers. A worker process reads one input after the other; the parent starts
another where one dies or stands still, and keeps the input that it did so on. What must hold: no exception leaves a reader; its count
equals the rows; failures equal the account's errors; every row is whole; the same bytes give the same rows; CPU time and memory stay
in proportion to the bytes. An input is made of the seed, the reader and a number, and of nothing else.

    python -m benchmarks.fuzz_readers --again /tmp/findings/finding-csv-4711.csv

reads one kept input again and says what does not hold.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.fuzz_laws import examine, watch_all
from benchmarks.fuzz_seeds import KINDS, Input
from benchmarks.fuzz_worker import State

STILL, STIRS = 120.0, 0.2
"""Seconds by the clock after which a worker is ended that used less CPU time than that meanwhile, for the same input. One that computes
ends itself when its CPU time is up, however little of it a busy machine gives."""
EVERY = 60.0
"""Seconds between two lines of progress."""


def supervise(folder: Path, command: Sequence[str], readers: Sequence[str], seed: int, seconds: float) -> State:
    """Run workers until the CPU seconds are spent; each that dies is a finding, and the next goes on behind its input.

    Raises
    ------
    SystemExit
        If a worker ends with an error of its own: the fuzzer is broken, not a reader.
    """
    state_file = folder / "state.json"
    while True:
        before, known = _children(), sum(State.read(state_file).seconds.values())
        code = _watch([*command, str(folder), ",".join(readers), str(seed), str(seconds)], state_file)
        state = State.read(state_file)
        if code == 0:
            return state
        if code > 0 or not state.file:
            raise SystemExit(f"the worker ended with {code} before or beside reading; see {folder / 'worker.log'}")
        # What the input took that the worker died of is known by the process's whole time only, its start included.
        state.seconds[state.reader] += max(0.0, _children() - before - (sum(state.seconds.values()) - known))
        _bury(folder, state, -code)
        state.write(state_file)


def _watch(command: Sequence[str], state_file: Path) -> int:
    """Run a worker to its end, or end it where it stands still; return its exit code. What native parsers say goes to a file."""
    with state_file.with_name("worker.log").open("ab") as log:
        worker = subprocess.Popen(command, stderr=log, env={**os.environ, "RUST_BACKTRACE": "0"})
    said = time.monotonic()
    since = (0.0, said, 0.0)
    try:
        while True:
            try:
                return worker.wait(0.5)
            except subprocess.TimeoutExpired:
                pass
            state = State.read(state_file)
            written, used = _written(state_file), _cpu_seconds(worker.pid)
            if not state.file or written != since[0] or used - since[2] > STIRS:
                since = (written, time.monotonic(), used)
            elif time.monotonic() - since[1] > STILL:
                worker.kill()
            if time.monotonic() - said > EVERY:
                said = time.monotonic()
                print(progress(state), flush=True)
    finally:
        worker.kill()
        worker.wait()


def _written(file: Path) -> float:
    """Return when a file was written; 0 before."""
    return file.stat().st_mtime if file.exists() else 0.0


def _cpu_seconds(pid: int) -> float:
    """Return the CPU seconds that a running process has used, where the system says so."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _bury(folder: Path, state: State, number: int) -> None:
    """Keep the input that a worker died of."""
    name = signal.Signals(number).name
    what = {"SIGPROF": "hangs: its CPU time was up", "SIGKILL": "stands still, or was killed"}.get(name, f"died of {name}")  # fmt: skip
    file = folder / state.file
    suffix = file.name.removeprefix("input")
    state.found(folder, state.reader, what, state.number, (suffix, file.read_bytes(), state.settings))
    file.unlink()
    state.file = ""
    state.inputs[state.reader] += 1


def _children() -> float:
    """Return the CPU seconds of the workers that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def progress(state: State) -> str:
    """Return one line on how far it is."""
    found = sum(sum(kinds.values()) for kinds in state.findings.values())
    return f"{sum(state.seconds.values()):,.0f} CPU s, {sum(state.inputs.values()):,} inputs, {found:,} findings"


def table(state: State) -> str:
    """Return the summary: reader, inputs, CPU seconds, records by outcome, findings; below, each kind of finding."""
    lines = [f"{'reader':<13}{'inputs':>10}{'CPU s':>9}{'kept':>11}{'rejected':>11}{'failed':>11}{'findings':>10}"]
    for reader in sorted(state.inputs):
        rows = [state.outcomes.get(reader, {}).get(name, 0) for name in ("kept", "rejected", "failed")]
        found = sum(state.findings.get(reader, {}).values())
        lines.append(f"{reader:<13}{state.inputs[reader]:>10,}{state.seconds[reader]:>9,.0f}" + "".join(f"{n:>11,}" for n in rows) + f"{found:>10,}")  # fmt: skip
    lines += [f"{reader}: {n:,} x {what}" for reader, kinds in sorted(state.findings.items()) for what, n in sorted(kinds.items())]  # fmt: skip
    return "\n".join([*lines, progress(state)])


def again(file: Path) -> list[str]:
    """Return what does not hold for an input that was kept."""
    settings = json.loads(file.with_name(file.name + ".json").read_text())["settings"]
    content = file.read_bytes()
    return examine(file, Input("".join(file.suffixes), content, settings, len(content)), watch_all())[0]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--readers", default=",".join(KINDS), help=f"some of {', '.join(KINDS)}, between commas")
    parser.add_argument("--findings", type=Path, default=Path("/tmp/sluice-fuzz"))  # noqa: S108 - shown, and may be chosen
    parser.add_argument("--again", type=Path, help="an input that was kept")
    options = parser.parse_args()
    if options.again:
        wrong = again(options.again)
        print("\n".join(wrong) or "all holds")
        return bool(wrong)
    readers = options.readers.split(",")
    if unknown := [name for name in readers if name not in KINDS]:
        parser.error(f"there is no reader '{unknown[0]}'; there are {', '.join(KINDS)}")
    options.findings.mkdir(parents=True, exist_ok=True)
    (options.findings / "state.json").unlink(missing_ok=True)
    state = supervise(options.findings, [sys.executable, "-m", "benchmarks.fuzz_worker"], readers, options.seed, 60 * options.minutes)  # fmt: skip
    print(table(state))
    return bool(state.findings)


if __name__ == "__main__":
    sys.exit(main())
