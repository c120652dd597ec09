"""Every screen and window against its recogniser on whole texts: no miss in real documents nor in generated strings.

The recogniser on the whole text is the reference (`find_unscreened`); behind screen and windows each of its hits must be found, or
lie within one that is. Documents are those of the shared folder, long ones cut at 800 characters, as they come; beside them those of
the benchmark's corpus, if it has been made. `make test` runs a seeded share of both.
"""

from __future__ import annotations

import gzip
import json
import os
import random
import unicodedata
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.pii.national import COUNTRIES
from pipeline.pii.recognizers import recognizers
from pipeline.pii.screens import screen
from pipeline.settings import Pii
from tests.pii.fragments import GLUE, VALUES

PII = Pii(id_countries=COUNTRIES)
DOCUMENTS, STRINGS, PIECE, CHUNK = 200_000, 1_000_000, 800, 2_000
CORPUS = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sluice/benchmarks/corpora/100000.parquet"
DIGITS = [chr(code) for code in range(0x11000) if unicodedata.category(chr(code)) == "Nd"]


def missed(texts: list[str]) -> list[tuple[str, str]]:
    """Return entity and text of each hit of the reference that is lost behind screen and windows."""
    known = recognizers(PII)
    passed = screen(pa.array(texts, pa.string()), PII.entities)
    lost = []
    for row, text in enumerate(texts):
        for entity in PII.entities:
            wanted = known.find_unscreened(text, entity)
            if wanted:
                found = known.find(text, entity) if passed[entity][row] else []
                lost += [
                    (entity, text)
                    for hit in wanted
                    if not any(other.start <= hit.start and hit.end <= other.end for other in found)
                ]
    return lost


def real(shared: Path) -> Iterator[str]:
    """Yield pieces of real documents, in a fixed order."""
    for file in sorted((shared / "data").glob("*/*/data.jsonl.gz")):
        with gzip.open(file, "rt", encoding="utf-8") as lines:
            for line in lines:
                text = json.loads(line).get("text")
                if isinstance(text, str):
                    yield from (text[i : i + PIECE] for i in range(0, len(text), PIECE))
    if CORPUS.exists():
        for batch in pq.ParquetFile(CORPUS).iter_batches(1_000, columns=["text"]):
            yield from (text[:PIECE] for text in batch.column(0).to_pylist())


def generated(seed: int, count: int) -> list[str]:
    """Return strings of values, cut and changed, of glue and of digits of all scripts."""
    drawn = random.Random(seed)

    def piece() -> str:
        kind = drawn.random()
        if kind < 0.45:
            value = drawn.choice(VALUES)
            if drawn.random() < 0.3:
                place = drawn.randrange(len(value))
                value = value[:place] + drawn.choice((*GLUE, "0", "7")) + value[place + drawn.randrange(2) :]
            if drawn.random() < 0.15:
                zero = ord(drawn.choice(DIGITS[::10]))
                value = "".join(chr(zero + int(c)) if c in "0123456789" else c for c in value)
            return value
        if kind < 0.8:
            return drawn.choice(GLUE)
        return "".join(drawn.choices("0123456789 -.()+/:ABCDEFabcdefxX@", k=drawn.randrange(1, 18)))

    return ["".join(piece() for _ in range(drawn.randrange(1, 5))) for _ in range(count)]


def missed_of(seed: int) -> list[tuple[str, str]]:
    return missed(generated(seed, CHUNK))


def on_all_cores(function, chunks) -> list[tuple[str, str]]:
    # Presidio and numba have threads of their own: no fork.
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
        return [lost for found in pool.map(function, chunks) for lost in found]


def test_a_seeded_share_of_the_strings() -> None:
    assert missed(generated(7, 1_500)) == []


def test_a_seeded_share_of_the_documents(shared: Path) -> None:
    texts = list(real(shared))[:60_000]
    assert missed(random.Random(7).sample(texts, 500)) == []


@pytest.mark.slow
def test_documents(shared: Path) -> None:
    texts = list(real(shared))
    texts = texts if len(texts) <= DOCUMENTS else random.Random(1).sample(texts, DOCUMENTS)
    chunks = [texts[i : i + CHUNK] for i in range(0, len(texts), CHUNK)]
    assert on_all_cores(missed, chunks) == []


@pytest.mark.slow
def test_strings() -> None:
    assert on_all_cores(missed_of, range(STRINGS // CHUNK)) == []


@pytest.mark.slow
def test_a_screen_made_too_narrow_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    from pipeline.pii.screens import SCREENS

    for entity in PII.entities:
        with monkeypatch.context() as patch:
            patch.setitem(SCREENS, entity, "no text holds this")
            assert {found for found, _ in missed(generated(7, 300))} == {entity}
