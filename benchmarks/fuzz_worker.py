"""The fuzzer's worker: reads one input after the other, and holds each reading against what must hold for any bytes.

Before an input is read, it lies in a file, and the state names it: a worker that dies, whatever of, leaves both behind.
"""

from __future__ import annotations

import hashlib
import json
import os
import resource
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.fuzz_seeds import Input, make, untouched
from pipeline.source import Source
from pipeline.sources.files import SourceFile
from pipeline.sources.records import READERS, read_file
from pipeline.verdict import outcome

SECONDS, SECONDS_A_BYTE = 2.0, 20e-6
"""CPU time that an input may take: a start, and 50 KB/s, a fifth of what the slowest reader (pages, by trafilatura) takes a byte."""
MEGABYTES, BYTES_A_BYTE = 128, 64
"""Memory that an input may take beyond what the process had: the readers' own buffers (blocks, chunks), and so many bytes a byte."""
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


class Broken(Exception):  # noqa: N818 - says what does not hold
    """Something that must hold does not."""


def hold(truth: object, what: str) -> None:
    if not truth:
        raise Broken(what)


def rows_of(file: Path, settings: dict[str, Any]) -> tuple[str, Counter[str]]:
    """Read a file, hold what must hold, and return a digest of its rows and how many have each outcome."""
    entry = SourceFile("fuzz", str(file), "input", file.stat().st_size, settings["format"])
    reading = read_file(Source(**settings), entry)
    digest, outcomes = hashlib.sha256(), Counter[str]()
    for chunk in reading:
        chunk.raw.validate(full=True)
        chunk.columns.validate(full=True)
        hold(chunk.raw.num_rows == chunk.columns.num_rows, "raw and columns differ")
        for raw, row in zip(chunk.raw.to_pylist(), chunk.columns.to_pylist(), strict=True):
            _hold_row(raw, row)
            digest.update(repr((raw, row)).encode("utf-8"))
            outcomes["kept" if row["verdict"] is None else outcome(row["verdict"][0]["reason"])] += 1
    account = reading.account
    hold(account.records_read == outcomes.total(), "the reader's count differs from the rows")
    hold(sum(account.errors.values()) == outcomes["failed"], "failures differ from the account")
    digest.update(repr((account.other_records, account.kinds, sorted(account.deleted))).encode())
    return digest.hexdigest(), outcomes


def _hold_row(raw: dict[str, Any], row: dict[str, Any]) -> None:
    hold(raw["document_id"] == row["document_id"], "raw and columns are of two documents")
    hold(raw["text"] is not None or row["verdict"], "no text and no verdict")
    hold(raw["text"] is None or raw["record"] is None, "text and record")
    if raw["text"] is not None:
        digest = hashlib.sha256(raw["text"].encode("utf-8")).hexdigest()
        hold(row["text_digest"] == digest and row["characters"] == len(raw["text"]), "text and its digest differ")
    if row["consent"] == "opted_out":
        hold(raw["text"] is None and raw["record"] is None, "what was opted out is kept")
    for finding in row["verdict"] or ():
        # A reader's own mistake, or a parser's, caught at the record: it costs the record, and is a finding all the same.
        own = finding["reason"] == "ingest.failed@1" or finding["evidence"] == "ParserPanic"
        hold(not own, f"the reader failed on a record: {finding['evidence']}")
    shown = " ".join(str(row[name]) for name in ("uri", "canonical_uri", "record_id", "license", "rights_holder"))
    hold(shown.isprintable() and len(shown) < 25_000, "a field that cannot be shown")


def watched(reader: Callable[..., Iterator[Any]], leaks: list[str]) -> Callable[..., Iterator[Any]]:
    """Return a reader that notes what leaves it: `read_file` makes a failed record of it, which hides how much was lost."""

    def read(*given: Any) -> Iterator[Any]:
        try:
            yield from reader(*given)
        except Exception as error:
            leaks.append(_place(error))
            raise

    return read


def _place(error: BaseException) -> str:
    """Return an error's class, and the last line of ours that it came through."""
    ours = [frame for frame in traceback.extract_tb(error.__traceback__) if "/pipeline/" in frame.filename]
    where = f" at {Path(ours[-1].filename).name}:{ours[-1].lineno}" if ours else ""
    return f"{type(error).__name__}{where}"


def examine(file: Path, given: Input, leaks: list[str]) -> tuple[list[str], Counter[str]]:
    """Read an input twice; return what does not hold, and its rows by outcome."""
    wrong: list[str] = []
    outcomes = Counter[str]()
    leaks.clear()
    before, started = _fresh_peak(), time.process_time()
    try:
        first, outcomes = rows_of(file, given.settings)
        once = time.process_time() - started
        hold(rows_of(file, given.settings)[0] == first, "the same bytes gave other rows")
    except Broken as error:
        once = time.process_time() - started
        wrong.append(str(error))
    except BaseException as error:  # a panic of a native parser derives from it
        if isinstance(error, KeyboardInterrupt):
            raise
        once = time.process_time() - started
        wrong.append(f"an exception left read_file: {_place(error)}")
    wrong += [f"an exception left the reader: {leak}" for leak in dict.fromkeys(leaks)]
    size = max(len(given.content), given.held)
    if once > limit_of(given):
        wrong.append("slow")
    if (grown := _peak() - before) > MEGABYTES * 2**10 + BYTES_A_BYTE * size / 2**10:
        wrong.append(f"memory: over {grown // 2**17 * 128} MiB")
    return wrong, outcomes


def limit_of(given: Input) -> float:
    """Return the CPU seconds that an input may take, once."""
    return SECONDS + SECONDS_A_BYTE * max(len(given.content), given.held)


def _fresh_peak() -> int:
    """Start a new peak of memory where the system can, and return what the process holds, in KiB."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return _peak()
    return _peak()


def _peak() -> int:
    """Return the peak of memory in KiB."""
    try:
        status = Path("/proc/self/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0])
    except (OSError, IndexError, ValueError):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def work(folder: Path, readers: list[str], seed: int, seconds: float) -> None:
    """Read inputs until so many CPU seconds are spent in all; each reader has an equal share."""
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEGABYTES * 2**20, MOST_MEGABYTES * 2**20))
    leaks: list[str] = []
    for name, reader in list(READERS.items()):
        READERS[name] = watched(reader, leaks)
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
