from __future__ import annotations

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pytest

from pipeline.errors import ConfigError
from pipeline.settings import BenchmarkSlice, Validation
from pipeline.slices.benchmarks import digests, load_items
from pipeline.slices.coverage import vocabulary_of, weighted

SLICES = Validation().benchmark_slices


def of_file(file: Path) -> tuple[BenchmarkSlice, ...]:
    return (BenchmarkSlice(name="own", weight=1, files=(str(file),)),)


def test_each_built_in_slice_has_twenty_items_of_twenty_words() -> None:
    items = load_items(SLICES)
    assert {item.slice for item in items} == {"reasoning", "factuality", "safety"}
    assert len(items) == len({item.name for item in items}) == 60
    assert all(len(item.text.split()) >= 20 for item in items)


def test_own_files_are_read_compressed_or_not(tmp_path: Path) -> None:
    content = b'{"id": "q1", "question": "What turns the mill?", "answer": "water"}\n\n{"text": "second"}\n'
    plain, packed = tmp_path / "a.jsonl", tmp_path / "b.jsonl.gz"
    plain.write_bytes(content)
    packed.write_bytes(gzip.compress(content))
    assert [item.text for item in load_items(of_file(plain))] == ["What turns the mill?", "second"]
    assert [item.text for item in load_items(of_file(packed))] == ["What turns the mill?", "second"]
    assert digests(of_file(plain)) == digests(of_file(packed))


def test_the_question_alone_is_the_item_unless_it_is_too_short(tmp_path: Path) -> None:
    question = "which river did the ferry cross before the bridge was built"
    rows = [
        {"question": question, "text": question + " Answer: the Tay"},
        {"question": "which river", "text": "which river did the old ferry cross Answer: the Tay"},
    ]
    file = tmp_path / "own.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    assert [item.text for item in load_items(of_file(file))] == [question, rows[1]["text"]]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "has no items"),
        (b"{", "line 1: not JSON"),
        (b'{"text": "x"}\n[1]', "line 2: expected an object"),
        (b'{"answer": "x"}', "line 1: no text in any of the fields"),
        (b'{"text": "  "}', "line 1: no text in any of the fields"),
    ],
)
def test_a_wrong_file_is_named_with_its_line(tmp_path: Path, content: bytes, said: str) -> None:
    file = tmp_path / "wrong.jsonl"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=said):
        load_items(of_file(file))


def test_a_missing_file_and_an_unknown_slice_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot read the benchmark file .*gone\.jsonl of slice 'own'"):
        load_items(of_file(tmp_path / "gone.jsonl"))
    with pytest.raises(
        ConfigError, match="'chemistry' names no files, and only reasoning, factuality, safety are built in"
    ):
        load_items((BenchmarkSlice(name="chemistry", weight=1),))


def test_coverage_is_the_share_of_an_items_content_words(tmp_path: Path) -> None:
    file = tmp_path / "items.jsonl"
    file.write_text('{"text": "the keeper of the lock opens gates"}\n{"text": "boats wait"}\n')
    vocabulary = vocabulary_of(of_file(file))
    none = vocabulary.hits(pa.array([], pa.string()))
    assert vocabulary.scores(none) == {"own": 0.0}
    some = vocabulary.hits(pa.array(["Keeper, LOCK!", "wait"]))
    assert vocabulary.scores(some) == {"own": (2 / 4 + 1 / 2) / 2}
    parts = vocabulary.hits(pa.array(["keeper lock"])) | vocabulary.hits(pa.array(["wait"]))
    assert (parts == some).all()
    assert weighted({"own": 0.5}, of_file(file)) == 0.5
