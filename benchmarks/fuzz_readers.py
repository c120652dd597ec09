"""Fuzz every reader: mutated files, made and real, against what must hold whatever a file contains.

    python -m benchmarks.fuzz_readers --seconds 1200 --seed 1 --findings /tmp/findings [--reader jsonl] [--guided]

`--seconds` are CPU seconds. A worker process reads one input after the other; the parent starts another where one dies, and keeps
the input that it died of. What must hold: reading ends without an exception; the reader's count equals the rows; failures equal the
account's errors; every text can be written; the same bytes give the same rows; CPU time and memory stay in bounds. With
`--guided` and atheris installed, coverage of the readers' own code guides the mutations.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import re
import resource
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.fuzz_seeds import COATS, LARGEST, Seed, made, real

TOKENS = [
    b"\x00", b"\xff" * 8, b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\r\n", b"\r\n\r\n", b"\n" * 500, b"\\ud800", b"\\u0000", b"{" * 300, b"[" * 2_000, b"9" * 400, b"-1", b"1e999", b"NaN", b'""', b"null", b"true",
    b"WARC/1.1\r\n", b"WARC/1.0\r\nContent-Length: 9999999999999999\r\n\r\n", b"Content-Length: -5\r\n", b"HTTP/1.1 200 OK\r\n\r\n", b"\x1f\x8b\x08\x00", b"\x28\xb5\x2f\xfd", b"\x04\x22\x4d\x18", b"PAR1", b"BZh9", b"\xfd7zXZ\x00",
    b"<div>" * 500, b"<!--", b"<![CDATA[", b"<p a=" + b"b c=" * 200, b"&#xD800;", b"&amp" * 100, b"<!ENTITY a '&a;&a;'>", b'"' * 99, b"," * 99, b"---\n", b"Transfer-Encoding: chunked\r\n\r\nffffffffffffff\r\n", b"charset=utf-7", b"charset=undefined",
]  # fmt: skip
NUMBERS = [0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**63, 2**64 - 1]
SLOW_SECONDS = 5.0
MOST_MEGABYTES = 1_000
_DIGITS = re.compile(rb"\d{1,20}")


def mutated(content: bytes, others: list[bytes], dice: random.Random) -> bytes:
    """Return the content with a few changes."""
    data = bytearray(content)
    for _ in range(dice.choice((1, 1, 2, 3, 5, 9))):
        place = dice.randrange(len(data) + 1)
        end = min(len(data), place + dice.choice((1, 2, 4, 8, 64, 1_000)))
        dice.choice(CHANGES)(data, place, end, others, dice)
    return bytes(data[: 2 * LARGEST])


def flip(data: bytearray, place: int, _: int, __: list[bytes], dice: random.Random) -> None:
    if place < len(data):
        data[place] ^= 1 << dice.randrange(8)


def randomise(data: bytearray, place: int, end: int, _: list[bytes], dice: random.Random) -> None:
    data[place:end] = dice.randbytes(end - place)


def insert(data: bytearray, place: int, _: int, __: list[bytes], dice: random.Random) -> None:
    data[place:place] = dice.choice(TOKENS)


def replace(data: bytearray, place: int, end: int, _: list[bytes], dice: random.Random) -> None:
    data[place:end] = dice.choice(TOKENS)


def remove(data: bytearray, place: int, end: int, _: list[bytes], __: random.Random) -> None:
    data[place:end] = b""


def repeat(data: bytearray, place: int, end: int, _: list[bytes], dice: random.Random) -> None:
    data[place:place] = bytes(data[place:end]) * dice.choice((1, 2, 50))


def cut(data: bytearray, place: int, _: int, __: list[bytes], ___: random.Random) -> None:
    del data[place:]


def splice(data: bytearray, place: int, end: int, others: list[bytes], dice: random.Random) -> None:
    other = dice.choice(others)
    start = dice.randrange(len(other) + 1)
    data[place:end] = other[start : start + dice.choice((4, 100, 5_000))]


def renumber(data: bytearray, _: int, __: int, ___: list[bytes], dice: random.Random) -> None:
    if numbers := list(_DIGITS.finditer(data)):
        hit = dice.choice(numbers)
        data[hit.start() : hit.end()] = str(dice.choice(NUMBERS) * dice.choice((1, 1, -1))).encode()


def overwrite(data: bytearray, place: int, _: int, __: list[bytes], dice: random.Random) -> None:
    width = dice.choice((1, 2, 4, 8))
    value = dice.choice(NUMBERS) & (2 ** (8 * width) - 1)
    data[place : place + width] = value.to_bytes(width, dice.choice(("little", "big")))


CHANGES = (flip, randomise, insert, replace, remove, repeat, cut, splice, renumber, overwrite)


def settings_of(dice: random.Random, kind: str) -> dict[str, Any]:
    """Return a source's settings: mostly the usual limits, sometimes small ones or a nested field."""
    return {
        "name": "fuzz",
        "kind": "web",
        "format": kind,
        "max_record_bytes": dice.choice((2**20, 2**20, 2**12)),
        "text_field": dice.choice(("text", "text", "text", "text.text")),
        "require_license": dice.random() < 0.1,
    }


class Broken(Exception):  # noqa: N818 - says what does not hold
    """Something that must hold does not."""


def hold(truth: object, what: str) -> None:
    if not truth:
        raise Broken(what)


def rows_of(file: Path, fields: dict[str, Any]) -> tuple[str, Counter[str]]:
    """Read a file, hold what must hold, and return a digest of its rows and how many have each outcome."""
    from pipeline.source import Source
    from pipeline.sources.files import SourceFile
    from pipeline.sources.records import read_file
    from pipeline.verdict import outcome

    reading = read_file(
        Source(**fields), SourceFile("fuzz", str(file), file.name, file.stat().st_size, fields["format"])
    )
    digest, outcomes = hashlib.sha256(), Counter[str]()
    for chunk in reading:
        chunk.raw.validate(full=True)
        chunk.columns.validate(full=True)
        hold(chunk.raw.num_rows == chunk.columns.num_rows, "raw and columns differ")
        for raw, row in zip(chunk.raw.to_pylist(), chunk.columns.to_pylist(), strict=True):
            hold(raw["text"] is not None or row["verdict"], "no text and no verdict")
            digest.update(repr((raw, row)).encode("utf-8"))
            outcomes["kept" if row["verdict"] is None else outcome(row["verdict"][0]["reason"])] += 1
    account = reading.account
    hold(account.records_read == outcomes.total(), "the reader's count differs from the rows")
    hold(sum(account.errors.values()) == outcomes["failed"], "failures differ from the account")
    return digest.hexdigest(), outcomes


class Worker:
    """Reads inputs and writes what it finds; `current` always holds the input at work."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.dice = folder, random.Random(seed)  # noqa: S311 - inputs, no secrets
        self.current = folder / f"current-{seed}"
        self.count, self.outcomes, self.findings = 0, Counter[str](), 0
        signal.signal(signal.SIGPROF, signal.SIG_DFL)

    def take(self, name: str, content: bytes, fields: dict[str, Any]) -> None:
        """Read one input."""
        file = self.current.with_name(self.current.name + name)
        file.write_bytes(content)
        self.current.write_text(f"{file.name} {fields}")
        signal.setitimer(signal.ITIMER_PROF, 4 * SLOW_SECONDS)
        before, started = _peak(), time.process_time()
        try:
            first, outcomes = rows_of(file, fields)
            self.outcomes += outcomes
            if self.count % 8 == 0:
                hold(rows_of(file, fields)[0] == first, "the same bytes gave other rows")
        except Exception as error:  # noqa: BLE001 - anything that escapes a reader is a finding
            self.found(f"{type(error).__name__}: {str(error)[:200]}", name, content, fields)
        if (taken := time.process_time() - started) > SLOW_SECONDS:
            self.found(f"slow: {taken:.1f} s for {len(content)} bytes", name, content, fields)
        if _peak() - before > MOST_MEGABYTES // 2:
            self.found(f"memory: {_peak() - before} MB more for {len(content)} bytes", name, content, fields)
        signal.setitimer(signal.ITIMER_PROF, 0)
        file.unlink()
        self.count += 1

    def found(self, what: str, name: str, content: bytes, fields: dict[str, Any]) -> None:
        """Keep an input and say what it did."""
        self.findings += 1
        kept = self.folder / f"finding-{hashlib.sha256(content).hexdigest()[:12]}{name}"
        kept.write_bytes(content)
        print(f"FINDING {kept.name}: {what} {fields}", flush=True)


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def work(options: argparse.Namespace) -> None:
    """Read inputs until the time is up (a worker process)."""
    from pipeline.sources.records import READERS

    worker = Worker(options.findings, options.seed)
    seeds: dict[str, list[Seed]] = {}
    for seed in [*made(), *real()]:
        seeds.setdefault(seed.format, []).append(seed)
    kinds = [options.reader] if options.reader else sorted(READERS)
    if lacking := [kind for kind in kinds if kind not in seeds]:
        raise SystemExit(f"no seed for the reader of '{lacking[0]}'; add one in benchmarks/fuzz_seeds.py")
    dice, counts = worker.dice, Counter[str]()
    while time.process_time() < options.seconds:
        kind = dice.choice(kinds)
        seed = dice.choice(seeds[kind])
        content = mutated(seed.content, [other.content for other in seeds[kind]], dice)
        suffix = dice.choice(list(COATS)) if seed.plain and dice.random() < 0.4 else ""
        content = COATS[suffix](content)
        if suffix and dice.random() < 0.5:
            content = mutated(content, [content], dice)
        worker.take(seed.suffix + suffix, content, settings_of(dice, kind))
        counts[kind] += 1
    print(f"INPUTS {worker.count} CPU {time.process_time():.0f} FINDINGS {worker.findings} {dict(counts)} {dict(worker.outcomes)} PEAK {_peak()} MB")  # fmt: skip


def guided(options: argparse.Namespace) -> None:
    """Let atheris choose the mutations of one reader's inputs (a worker process)."""
    import atheris

    with atheris.instrument_imports(include=["pipeline.sources", "pipeline.text.normalize"]):
        import pipeline.sources.records  # noqa: F401 - imported to be instrumented
    worker = Worker(options.findings, options.seed)
    corpus = options.findings / f"corpus-{options.seed}"
    corpus.mkdir(exist_ok=True)
    mine = [seed for seed in [*made(), *real()] if seed.format == options.reader]
    for number, seed in enumerate(mine):
        (corpus / f"seed-{number}").write_bytes(seed.content)
    fields = {**settings_of(random.Random(0), options.reader), "max_record_bytes": 2**20}  # noqa: S311

    def one(data: bytes) -> None:
        worker.take(mine[0].suffix, data, fields)
        if time.process_time() > options.seconds:
            print(f"INPUTS {worker.count} CPU {time.process_time():.0f} FINDINGS {worker.findings} {{'{options.reader}': {worker.count}}} {dict(worker.outcomes)} PEAK {_peak()} MB", flush=True)  # fmt: skip
            import os

            os._exit(0)

    atheris.Setup(
        [sys.argv[0], str(corpus), "-max_len=20000", "-rss_limit_mb=0", "-print_final_stats=0", "-verbosity=0"], one
    )
    atheris.Fuzz()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--findings", type=Path, required=True)
    parser.add_argument("--reader", default="")
    parser.add_argument("--guided", action="store_true")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.findings.mkdir(parents=True, exist_ok=True)
    if options.worker:
        (guided if options.guided else work)(options)
        return 0
    left, seed, deaths = options.seconds, options.seed * 1_000, 0
    while left > 1:
        more = [f"--reader={options.reader}"] if options.reader else []
        more += ["--guided"] if options.guided else []
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        command = [sys.executable, "-m", "benchmarks.fuzz_readers", "--worker", f"--seconds={left}", f"--seed={seed}", f"--findings={options.findings}", *more]  # fmt: skip
        code = subprocess.run(command, check=False).returncode
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        left -= spent
        if code == 0:
            break
        if code > 0:
            return code
        deaths += 1
        current = options.findings / f"current-{seed}"
        name = current.read_text().split(" ")[0]
        kept = options.findings / f"finding-death-{seed}{name.removeprefix(current.name)}"
        (options.findings / name).rename(kept)
        print(f"FINDING {kept.name}: died of signal {-code} after {spent:.0f} CPU s; {current.read_text()}", flush=True)
        seed += 1
    print(f"deaths {deaths}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
