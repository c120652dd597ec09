"""The fuzzer makes the same inputs of the same numbers, covers every format, and sees each thing that it looks for."""

from __future__ import annotations

import json
import sys
from typing import get_args

import pytest

from benchmarks import fuzz_laws, fuzz_readers
from benchmarks.fuzz_seeds import KINDS, make, untouched
from pipeline.source import Format
from pipeline.sources.records import READERS
from pipeline.sources.rows import Record

GIVEN = untouched("csv")[0]


def test_every_format_is_fuzzed():
    assert {kind.format for kind in KINDS.values()} == set(get_args(Format)) == set(READERS)


@pytest.mark.parametrize("name", KINDS)
def test_an_input_is_made_of_seed_reader_and_number(name):
    inputs = [make(name, 1, number) for number in range(40)]
    assert [make(name, 1, number) for number in reversed(range(40))] == inputs[::-1]
    assert len({given.content for given in inputs}) > 30
    assert inputs != [make(name, 2, number) for number in range(40)]


@pytest.mark.parametrize("name", KINDS)
def test_what_is_mutated_is_read_whole_before(name, tmp_path):
    for given in untouched(name):
        file = tmp_path / f"a{given.suffix}"
        file.write_bytes(given.content)
        wrong, outcomes = fuzz_laws.examine(file, given, [])
        assert [what for what in wrong if what != "slow"] == []
        assert outcomes["kept"]
        assert not outcomes["failed"]


def loses_a_row(source, file, tally):
    tally.records += 1
    yield from ()


def differs(source, file, tally, calls=[]):  # noqa: B006 - the second reading of a file is told apart by it
    calls.append(0)
    tally.records += 1
    yield Record(0, b"a", text=f"Reading {len(calls)}.")


def raises(source, file, tally):
    raise TypeError
    yield


def is_slow(source, file, tally):
    sum(range(10**7))
    yield from ()


def takes_memory(source, file, tally):
    assert len(b"x" * 300 * 2**20)
    yield from ()


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (loses_a_row, "the reader's count differs from the rows"),
        (differs, "the same bytes gave other rows"),
        (raises, "an exception left the reader: TypeError"),
        (is_slow, "slow"),
        (takes_memory, "memory: over"),
    ],
)
def test_a_planted_fault_is_found(tmp_path, monkeypatch, fault, said):
    leaks: list[str] = []
    monkeypatch.setitem(READERS, "csv", fuzz_laws.watched(fault, leaks))
    monkeypatch.setattr(fuzz_laws, "SECONDS", 0.02 if fault is is_slow else 60)
    file = tmp_path / "a.csv"
    file.write_bytes(GIVEN.content)
    wrong, _ = fuzz_laws.examine(file, GIVEN, leaks)
    assert [what for what in wrong if what.startswith(said)], wrong


PLANTED = """
import json, os, sys, time
from pathlib import Path
from benchmarks import fuzz_laws, fuzz_worker
from pipeline.sources.records import READERS

state = Path(sys.argv[1]) / "state.json"
real = READERS["csv"]

def read(source, file, tally):
    number = json.loads(state.read_text())["number"] if state.exists() else -1
    if number == 2:
        os.abort()
    if number == 4:
        while True:
            pass
    if number == 6:
        time.sleep(600)
    yield from real(source, file, tally)

READERS["csv"] = read
fuzz_laws.SECONDS = 0.2
fuzz_worker.work(Path(sys.argv[1]), ["csv"], 1, float(sys.argv[4]))
"""


@pytest.mark.slow
def test_a_worker_that_dies_or_hangs_is_a_finding_and_the_next_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr(fuzz_readers, "STILL", 6.0)
    script = tmp_path / "planted.py"
    script.write_text(PLANTED)
    monkeypatch.setenv("PYTHONPATH", ".")
    state = fuzz_readers.supervise(tmp_path, [sys.executable, str(script)], ["csv"], 1, 25.0)
    found = {json.loads(file.read_text())["what"]: file for file in tmp_path.glob("finding-csv-?.*.json")}
    assert {what: file.name.split("-")[2].split(".")[0] for what, file in found.items()} == {
        "died of SIGABRT": "2",
        "hangs: its CPU time was up": "4",
        "stands still, or was killed": "6",
    }
    for number in (2, 4, 6):
        (kept,) = (file for file in tmp_path.glob(f"finding-csv-{number}.*") if file.suffix != ".json")
        assert kept.read_bytes() == make("csv", 1, number).content
    assert state.inputs["csv"] > 7
