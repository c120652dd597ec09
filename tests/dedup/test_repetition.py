"""Repeated passages: what is counted and cut is what the definition says, however the batch is divided."""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.dedup import repetition
from pipeline.dedup.repetition import Counts, count, find_passages, mark, merge, with_cuts
from pipeline.text.cuts import without
from pipeline.text.lines import plain_passages

Document = tuple[str, str, str]
"""Text, source and id."""
LINE = st.sampled_from(
    ["Home | About", "All rights reserved", "x", "", " ", "Home", "News today", "a story", "another story"]
)
TEXT = st.lists(LINE, max_size=8).map("\n".join)


@st.composite
def batches(draw: st.DrawFn) -> list[Document]:
    texts = draw(st.lists(st.tuples(TEXT, st.sampled_from(["press", "forum"])), min_size=1, max_size=10))
    order = draw(st.permutations(range(len(texts))))
    return [(text, source, f"{place:016x}{0:016x}") for (text, source), place in zip(texts, order, strict=True)]


def columns(documents: list[Document]) -> tuple[pa.Array, pa.Array, pa.Array]:
    texts, sources, ids = ([row[i] for row in documents] for i in range(3))
    return pa.array(texts, pa.string()), pa.array(sources, pa.string()), pa.array(ids, pa.string())


def counted(part: tuple[pa.Array, pa.Array, pa.Array], characters: int) -> Counts:
    return count(find_passages(part[0], part[1], characters), part[2])


def marked(part: tuple[pa.Array, pa.Array, pa.Array], repeated: Counts, characters: int, *, cut: bool) -> pa.Array:
    texts, sources, ids = part
    passages = find_passages(texts, sources, characters)
    found = mark(passages, pc.binary_length(texts).to_numpy(zero_copy_only=False), repeated)
    return with_cuts(found, passages, texts, ids, repeated) if cut else found


def expected(documents: list[Document], least: int, characters: int) -> list[tuple[str, float]]:
    """Return each text after the cut, and the share of it that is repeated."""
    holders: dict[tuple[str, str], set[str]] = defaultdict(set)
    for text, source, name in documents:
        for normal, _, _ in plain_passages(text, characters):
            holders[source, normal].add(name)
    found = []
    for text, source, name in documents:
        data = text.encode()
        repeated, gone = [False] * len(data), [False] * len(data)
        for normal, start, end in plain_passages(text, characters):
            held = holders[source, normal]
            if len(held) >= least:
                repeated[start:end] = [True] * (end - start)
                if name != min(held):
                    gone[start:end] = [True] * (end - start)
        left = bytes(byte for byte, out in zip(data, gone, strict=True) if not out).decode()
        found.append((left if left.strip() else text, sum(repeated) / len(data) if data else 0.0))
    return found


@given(batches(), st.integers(2, 4), st.integers(1, 12), st.integers(1, 4))
def test_is_the_definition_in_any_division(documents: list[Document], least: int, characters: int, shards: int) -> None:
    parts = [columns(documents[shard::shards]) for shard in range(shards)]
    repeated = merge((counted(part, characters) for part in parts), least)
    texts, share = {}, {}
    for part in parts:
        found = marked(part, repeated, characters, cut=True)
        cut = without(part[0], pc.struct_field(found, "cuts"))
        texts |= dict(zip(part[2].to_pylist(), cut.to_pylist(), strict=True))
        share |= dict(zip(part[2].to_pylist(), pc.struct_field(found, "share").to_pylist(), strict=True))
    for (_, _, name), (text, part_of) in zip(documents, expected(documents, least, characters), strict=True):
        assert texts[name] == text
        assert abs(share[name] - part_of) < 1e-6


def test_one_copy_stays_and_a_document_of_nothing_else_keeps_its_text() -> None:
    notice = "Copyright the authors, all rights reserved"
    documents = [(f"{notice}\n\nStory number {i}.\n", "press", f"{9 - i:016x}{0:016x}") for i in range(3)]
    documents.append((notice, "press", f"{20:016x}{0:016x}"))
    documents.append((f"{notice}\nin a forum", "forum", f"{0:016x}{0:016x}"))
    part = columns(documents)
    repeated = merge([counted(part, 20)], 3)
    assert repeated.documents.tolist() == [4]
    found = marked(part, repeated, 20, cut=True)
    texts = without(part[0], pc.struct_field(found, "cuts")).to_pylist()
    assert texts[:2] == ["\nStory number 0.\n", "\nStory number 1.\n"]
    assert [text.count(notice) for text in texts] == [0, 0, 1, 1, 1]
    assert found.to_pylist()[3]["share"] == 1.0
    assert marked(part, repeated, 20, cut=False).to_pylist()[0] == {
        "passages": 1, "share": found.to_pylist()[0]["share"], "cuts": None,
    }  # fmt: skip


def test_a_menu_of_short_lines_is_a_passage() -> None:
    menu = "Home\nNews\nAbout\nContact\n"
    documents = [
        (f"{menu}\n{word} came today.\n", "press", f"{i:016x}{0:016x}") for i, word in enumerate(["He", "She"])
    ]
    part = columns(documents)
    repeated = merge([counted(part, 12)], 2)
    cuts = pc.struct_field(marked(part, repeated, 12, cut=True), "cuts")
    assert without(part[0], cuts).to_pylist() == [documents[0][0], "\nShe came today.\n"]


def test_no_documents_and_nothing_repeated() -> None:
    nothing = columns([])
    assert len(counted(nothing, 5).hashes) == 0
    assert len(merge([]).hashes) == 0
    part = columns([("a text of its own", "press", f"{1:032x}")])
    assert marked(part, merge([counted(part, 5)], 2), 5, cut=True).to_pylist() == [
        {"passages": 0, "share": 0.0, "cuts": None}
    ]


@given(st.lists(st.lists(st.integers(0, 12), max_size=30), max_size=4), st.integers(2, 5), st.sampled_from([0, 2, 26]))
def test_what_is_sifted_out_is_too_rare(shards: list[list[int]], least: int, bits: int) -> None:
    parts = [tally(shard) for shard in shards]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(repetition, "_COUNTERS", bits)  # with one counter all share it, and nothing may be lost
        found = merge(parts, least)
    held = Counter(name for shard in shards for name in shard)
    assert dict(zip(found.hashes.tolist(), found.documents.tolist(), strict=True)) == {
        name: times for name, times in held.items() if times >= least
    }


def tally(names: list[int]) -> Counts:
    hashes, documents = np.unique(np.array(names, np.uint64), return_counts=True)
    return Counts(hashes, documents.astype(np.int64), hashes)


def test_a_counter_that_is_full_stays_full() -> None:
    part = Counts(np.array([7], np.uint64), np.array([60_000], np.int64), np.array([1], np.uint64))
    assert merge([part, part, part], 180_000).documents.tolist() == [180_000]
    assert not len(merge([part, part, part], 180_001).hashes)
