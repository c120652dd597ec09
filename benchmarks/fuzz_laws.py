"""What must hold for a file of any bytes, and how the fuzzer sees whether it does."""

from __future__ import annotations

import hashlib
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.fuzz_seeds import Input
from benchmarks.memory import fresh_peak, peak
from pipeline.source import Source
from pipeline.sources.files import SourceFile
from pipeline.sources.records import READERS, read_file
from pipeline.verdict import outcome

SECONDS, SECONDS_A_BYTE = 2.0, 20e-6
"""CPU time that an input may take: a start, and 50 KB/s, a fifth of what the slowest reader (pages, by trafilatura) takes a byte."""
MEGABYTES, BYTES_A_BYTE = 128, 64
"""Memory that an input may take beyond what the process had: the readers' own buffers (blocks, chunks), and so many bytes a byte."""


class Broken(Exception):  # noqa: N818 - says what does not hold
    """Something that must hold does not."""


def hold(truth: object, what: str) -> None:
    if not truth:
        raise Broken(what)


class Rows(NamedTuple):
    """What was read: a digest of it, the rows by outcome, the CPU seconds, and the mistakes that were caught at records."""

    digest: str
    outcomes: Counter[str]
    seconds: float
    caught: list[str]


class Clock:
    """An iteration, and the CPU seconds that it took without what was done between its items."""

    def __init__(self, items: Iterator[Any]) -> None:
        self._items, self.seconds = items, 0.0

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        started = time.process_time()
        try:
            return next(self._items)
        finally:
            self.seconds += time.process_time() - started


def rows_of(file: Path, settings: dict[str, Any]) -> Rows:
    """Read a file and hold what must hold."""
    entry = SourceFile("fuzz", str(file), "input", file.stat().st_size, settings["format"])
    reading = read_file(Source(**settings), entry)
    digest, outcomes = hashlib.sha256(), Counter[str]()
    clock = Clock(reading)
    own = set()
    for chunk in clock:
        chunk.raw.validate(full=True)
        chunk.columns.validate(full=True)
        hold(chunk.raw.num_rows == chunk.columns.num_rows, "raw and columns differ")
        for raw, row in zip(chunk.raw.to_pylist(), chunk.columns.to_pylist(), strict=True):
            own.update(_hold_row(raw, row))
            digest.update(repr((raw, row)).encode("utf-8"))
            outcomes["kept" if row["verdict"] is None else outcome(row["verdict"][0]["reason"])] += 1
    account = reading.account
    hold(account.records_read == outcomes.total(), "the reader's count differs from the rows")
    hold(sum(account.errors.values()) == outcomes["failed"], "failures differ from the account")
    digest.update(repr((account.other_records, account.kinds, sorted(account.deleted))).encode())
    return Rows(digest.hexdigest(), outcomes, clock.seconds, sorted(own))


def _hold_row(raw: dict[str, Any], row: dict[str, Any]) -> list[str]:
    """Hold what must hold for a row; return the mistakes that were caught at it: each costs a record, and is a finding all the same."""
    hold(raw["document_id"] == row["document_id"], "raw and columns are of two documents")
    hold(raw["text"] is not None or row["verdict"], "no text and no verdict")
    hold(raw["text"] is None or raw["record"] is None, "text and record")
    if raw["text"] is not None:
        digest = hashlib.sha256(raw["text"].encode("utf-8")).hexdigest()
        hold(row["text_digest"] == digest and row["characters"] == len(raw["text"]), "text and its digest differ")
    if row["consent"] == "opted_out":
        hold(raw["text"] is None and raw["record"] is None, "what was opted out is kept")
    shown = " ".join(str(row[name]) for name in ("uri", "canonical_uri", "record_id", "license", "rights_holder"))
    hold(shown.isprintable() and len(shown) < 25_000, "a field that cannot be shown")
    own = [f for f in row["verdict"] or () if f["reason"] == "ingest.failed@1" or f["evidence"] == "ParserPanic"]
    return [f"caught at a record: {finding['evidence']}" for finding in own]


def watched(reader: Callable[..., Iterator[Any]], leaks: list[str]) -> Callable[..., Iterator[Any]]:
    """Return a reader that notes what leaves it: `read_file` makes a failed record of it, which hides how much was lost."""

    def read(*given: Any) -> Iterator[Any]:
        try:
            yield from reader(*given)
        except Exception as error:
            leaks.append(_place(error))
            raise

    return read


def watch_all() -> list[str]:
    """Have every reader of this process watched; return the list that its exceptions will be noted in."""
    leaks: list[str] = []
    for name, reader in list(READERS.items()):
        READERS[name] = watched(reader, leaks)
    return leaks


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
    before = fresh_peak()
    try:
        first = rows_of(file, given.settings)
        wrong, outcomes = first.caught, first.outcomes
        if first.seconds > limit_of(given):
            wrong.append("slow")
        hold(rows_of(file, given.settings).digest == first.digest, "the same bytes gave other rows")
    except Broken as error:
        wrong.append(str(error))
    except BaseException as error:  # a panic of a native parser derives from it
        if isinstance(error, KeyboardInterrupt):
            raise
        wrong.append(f"an exception left read_file: {_place(error)}")
    wrong += [f"an exception left the reader: {leak}" for leak in dict.fromkeys(leaks)]
    size = max(len(given.content), given.held)
    if (grown := peak() - before) > MEGABYTES * 2**10 + BYTES_A_BYTE * size / 2**10:
        wrong.append(f"memory: over {grown // 2**17 * 128} MiB")
    return wrong, outcomes


def limit_of(given: Input) -> float:
    """Return the CPU seconds that an input may take, once."""
    return SECONDS + SECONDS_A_BYTE * max(len(given.content), given.held)
