"""The fuzzer's worker: reads one input after the other, and holds each reading against what must hold for any bytes.

Before an input is read, it lies in a file, and the state names it: a worker that dies, whatever of, leaves both behind.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.fuzz_laws import SECONDS, examine, limit_of, watch_all
from benchmarks.fuzz_seeds import Input, make, untouched

MOST_MEGABYTES = 6_000
"""Address space of a worker: what asks for more fails, and the machine goes on."""
KEPT = 3
"""Inputs that are kept of each kind of finding; all are counted."""


@dataclass
class State:
    """What was done so far and what is being done: written before each input, read by the parent."""

    reader: str = ""
    number: int = 0
    file: str = ""
    settings: dict[str, Any] = field(default_factory=dict)
    limit: float = SECONDS
    inputs: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    outcomes: dict[str, dict[str, int]] = field(default_factory=dict)
    findings: dict[str, dict[str, int]] = field(default_factory=dict)
    """By reader and what was found."""

    def write(self, place: Path) -> None:
        """Write it so that whoever reads it meanwhile finds the one before or this one, whole."""
        aside = place.with_suffix(".new")
        aside.write_text(json.dumps(asdict(self)))
        aside.replace(place)

    @classmethod
    def read(cls, place: Path) -> State:
        """Read it, or begin."""
        return cls(**json.loads(place.read_text())) if place.exists() else cls()

    def found(self, folder: Path, reader: str, what: str, number: int, given: tuple[str, bytes, dict[str, Any]]) -> None:  # fmt: skip
        """Count a finding, say it, and keep its input unless there are enough of its kind."""
        suffix, content, settings = given
        kinds = self.findings.setdefault(reader, {})
        kinds[what] = kinds.get(what, 0) + 1
        if kinds[what] <= KEPT:
            kept = folder / f"finding-{reader}-{number}{suffix}"
            kept.write_bytes(content)
            kept.with_name(kept.name + ".json").write_text(json.dumps({"what": what, "settings": settings}))
            print(f"FINDING {kept.name}: {what}", flush=True)


def work(folder: Path, readers: list[str], seed: int, seconds: float) -> None:
    """Read inputs until so many CPU seconds are spent in all; each reader has an equal share."""
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEGABYTES * 2**20, MOST_MEGABYTES * 2**20))
    leaks = watch_all()
    state_file = folder / "state.json"
    state = State.read(state_file)
    for reader in readers:
        if reader not in state.inputs:
            _begin(folder, reader, state, leaks)
    while sum(state.seconds.values()) < seconds:
        reader = min(readers, key=lambda name: state.seconds[name])
        started = time.process_time()
        _take(folder, state, reader, make(reader, seed, state.inputs[reader]), leaks)
        state.inputs[reader] += 1
        state.seconds[reader] += time.process_time() - started
    state.file = ""
    state.write(state_file)


def _begin(folder: Path, reader: str, state: State, leaks: list[str]) -> None:
    """Read a reader's files as they are: each has a record that is kept, or what is mutated is not what it should be."""
    state.inputs[reader], state.seconds[reader] = 0, 0.0
    for given in untouched(reader):
        file = folder / f"untouched{given.suffix}"
        file.write_bytes(given.content)
        wrong, outcomes = examine(file, given, leaks)
        file.unlink()
        if [what for what in wrong if what != "slow"] or not outcomes["kept"] or outcomes["failed"]:
            raise SystemExit(f"{reader}: a seed ({given.suffix}) is not read as it should be: {wrong} {dict(outcomes)}")


def _take(folder: Path, state: State, reader: str, given: Input, leaks: list[str]) -> None:
    """Read one input."""
    file = folder / f"input{given.suffix}"
    file.write_bytes(given.content)
    state.reader, state.number, state.file = reader, state.inputs[reader], file.name
    state.settings, state.limit = given.settings, limit_of(given)
    state.write(folder / "state.json")
    # Whoever hangs in native code hears no Python signal handler: the signal ends the process, which is a finding.
    signal.setitimer(signal.ITIMER_PROF, 8 * state.limit)
    wrong, outcomes = examine(file, given, leaks)
    signal.setitimer(signal.ITIMER_PROF, 0)
    counted = Counter(state.outcomes.get(reader, {})) + outcomes
    state.outcomes[reader] = dict(counted)
    for what in wrong:
        state.found(folder, reader, what, state.number, (given.suffix, given.content, given.settings))
    file.unlink()


if __name__ == "__main__":
    os.nice(0)
    work(Path(sys.argv[1]), sys.argv[2].split(","), int(sys.argv[3]), float(sys.argv[4]))
