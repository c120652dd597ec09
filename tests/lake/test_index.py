"""The index of near-duplicates: whatever its segments, it says what a look at every row says."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pytest
from batches import FINGERPRINT, document, documents, identity, write
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import ContractViolation, SnapshotError
from pipeline.lake import indexing, segments
from pipeline.lake.ids import names, numbers
from pipeline.lake.index import Index
from pipeline.lake.segments import Documents, SegmentReader, bits_for, bounds, piece, rows_of
from pipeline.lake.store import Store
from pipeline.lake.tables import SIGNATURES, stem_of

UNIVERSE = [7, 1 << 40, 1 << 61, (1 << 61) + 1, 1 << 62, 3 << 62, (1 << 63) - 1, 1 << 63, (1 << 63) + 5, (1 << 64) - 1]
"""Hashes that fall into several buckets, and some into one."""


@dataclass(frozen=True)
class Document:
    word: str
    release: int
    hashes: tuple[int, ...]

    @property
    def name(self) -> str:
        return identity(self.word)


def write_release(store: Store, number: int, rows: list[Document], fence: str = "f") -> indexing.Segment | None:
    """Write one release's files, and the segment of them."""
    batch = f"b{number}"
    columns = [document(row.word, batch_id=batch) for row in rows]
    signed = [
        {
            "document_id": row.name,
            "published_digest": published["published_digest"],
            # A document without words has zeros.
            "bands": np.array(row.hashes or [0, 0], np.uint64).view(np.int64).tolist(),
        }
        for row, published in zip(rows, columns, strict=True)
    ]
    files = [write(store, "documents", documents(columns), batch)] if rows else []
    signatures = [write(store, "signatures", pa.Table.from_pylist(signed, SIGNATURES), batch)] if rows else []
    return indexing.make(store, files, signatures, {batch: number}, fence)


def brute(rows: list[Document], gone: set[str], hashes: list[int], limit: int, listed: int) -> dict[int, tuple]:
    """Look at every document."""
    found = {}
    for wanted in hashes:
        have = sorted((row.release, row.name) for row in rows if wanted in row.hashes and row.name not in gone)
        found[wanted] = len(have), have if len(have) <= limit else have[:listed]
    return found


def answers(index: Index, hashes: list[int], limit: int, listed: int) -> dict[int, tuple]:
    found = index.find(np.array(hashes, np.uint64), limit, listed)
    assert found.stems == [f"b{release}-{FINGERPRINT}-00000" for release in found.releases.tolist()]
    assert len(set(found.ids)) == len(found.ids)
    order = list(zip(found.releases.tolist(), found.ids, strict=True))
    assert order == sorted(order)
    return {
        wanted: (int(found.sizes[place]), [order[row] for row in found.documents[found.hashes == place].tolist()])
        for place, wanted in enumerate(hashes)
    }


@st.composite
def corpora(draw):
    sets = draw(st.lists(st.lists(st.sampled_from(UNIVERSE), max_size=4, unique=True), max_size=30))
    releases = draw(st.lists(st.integers(1, 5), min_size=len(sets), max_size=len(sets)))
    return [
        Document(f"w{i}", release, tuple(hashes))
        for i, (release, hashes) in enumerate(zip(releases, sets, strict=True))
    ]


@settings(max_examples=60, deadline=None)
@given(st.data(), corpora(), st.integers(0, 3), st.integers(1, 5), st.integers(1, 3))
def test_any_division_into_segments_says_what_a_scan_says(data, rows, bucket_bits, limit, listed):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(segments, "BUCKET_BITS", bucket_bits)
        patch.setattr(indexing, "_AT_ONCE", data.draw(st.sampled_from([1, 7, 1_000])))
        store = Store(f"memory://{uuid.uuid4()}/lake")
        held, gone, published = [], set[str](), []
        hashes = sorted(UNIVERSE)
        for number in range(1, 6):
            mine = [row for row in rows if row.release == number]
            made = write_release(store, number, mine)
            published += mine
            if data.draw(st.booleans(), "compacted as publish does"):
                held = list(indexing.extended(store, Index(store, held, gone), made, "f"))
            elif made:
                held.append(made)
            if len(held) > 1 and data.draw(st.booleans(), "merged anyhow"):
                first = data.draw(st.integers(0, len(held) - 1))
                last = data.draw(st.integers(first + 1, len(held)))
                parts = [SegmentReader(store, segment) for segment in held[first:last]]
                merged = indexing.merge(store, Index(store, held, gone), parts, "f")
                held[first:last] = [merged] if merged else []
            if published and data.draw(st.booleans(), "taken down"):
                gone |= {row.name for row in data.draw(st.lists(st.sampled_from(published), max_size=3))}
            index = Index(store, held, gone)
            assert answers(index, hashes, limit, listed) == brute(published, gone, hashes, limit, listed)
            places = index.places([row.name for row in rows])
            assert {name: place.release for name, place in places.items()} == {
                row.name: row.release for row in published if row.name not in gone
            }


def test_what_a_takedown_left_is_merged_again_and_again(monkeypatch):
    """A segment is cut by what it held before the takedown, and then says how little it holds."""
    monkeypatch.setattr(segments, "BUCKET_BITS", 0)
    store = Store(f"memory://{uuid.uuid4()}/lake")
    rows = [Document(f"w{i}", 1, (UNIVERSE[i],)) for i in range(8)]
    later = [Document("late", 2, (UNIVERSE[9],))]
    gone = {row.name for row in rows[1:]}
    held = [write_release(store, 1, rows), write_release(store, 2, later)]
    for _ in range(3):
        merged = indexing.merge(
            store, Index(store, held, gone), [SegmentReader(store, segment) for segment in held], "f"
        )
        assert merged.hashes == 2
        held = [merged]
        assert answers(Index(store, held, gone), UNIVERSE, 5, 2) == brute([*rows, *later], gone, UNIVERSE, 5, 2)


@given(st.lists(st.integers(1, 40), max_size=40))
def test_segments_stay_few_and_each_is_larger_than_all_newer_ones(sizes):
    held: list[int] = []
    for size in sizes:
        held = policy(held, size)
        for i, mine in enumerate(held):
            assert mine > sum(held[i + 1 :])
    assert sum(held) == sum(sizes)
    assert 2 ** (len(held) - 1) <= max(1, sum(sizes))


def policy(held: list[int], new: int) -> list[int]:
    """Let `extended` decide on segments of some sizes, without files."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(indexing, "SegmentReader", lambda _, segment: Sized(segment))
        patch.setattr(indexing, "merge", lambda _s, _i, parts, _f: Named(sum(p.segment.documents for p in parts)))
        kept = indexing.extended(None, Parts([Sized(Named(size)) for size in held]), Named(new), "f")
    return [segment.documents for segment in kept]


@dataclass(frozen=True)
class Named:
    documents: int


@dataclass(frozen=True)
class Sized:
    segment: Named


@dataclass(frozen=True)
class Parts:
    segments: list[Sized] = field(default_factory=list)


# -- ids and hashes ----------------------------------------------------------------------------------------------------


@given(st.lists(st.binary(min_size=16, max_size=16)))
def test_ids_are_numbers_and_back(data):
    ids = [value.hex() for value in data]
    found = numbers(ids)
    assert names(found[:, 0], found[:, 1]) == ids
    assert [(int(high) << 64) | int(low) for high, low in found] == [int(name, 16) for name in ids]


@pytest.mark.parametrize("ids", [["x" * 32], ["a" * 31], ["a" * 31, "a" * 33], ["é" * 32], [""]])
def test_other_ids_are_refused_and_not_quoted(ids):
    with pytest.raises(ContractViolation, match="32 hexadecimal digits") as caught:
        numbers(ids)
    assert "xx" not in str(caught.value)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), unique=True), st.integers(0, 4))
def test_ids_with_equal_halves_are_told_apart(pairs, asked):
    known = np.array(sorted(pairs), np.uint64).reshape(-1, 2)
    held = Documents(known[:, 0].copy(), known[:, 1].copy(), np.zeros(len(known), np.uint32), ())
    wanted = [(asked, low) for low in range(5)]
    expected = [sorted(pairs).index(pair) if pair in pairs else -1 for pair in wanted]
    assert rows_of(held, np.array(wanted, np.uint64)).tolist() == expected


@given(st.lists(st.integers(0, 2**64 - 1)), st.integers(0, 4))
def test_pieces_make_up_the_whole(values, bits):
    hashes = np.array(sorted(values), np.uint64)
    bucket = segments.Bucket(hashes, np.arange(len(hashes), dtype=np.uint32))
    parts = [piece(bucket, number, bits) for number in range(1 << bits)]
    assert np.concatenate([part.rows for part in parts]).tolist() == list(range(len(hashes)))
    for number, part in enumerate(parts):
        assert all(int(value) >> (64 - bits) == number for value in part.hashes.tolist()) or bits == 0
    assert len(bounds(bits)) == 1 << bits


def test_buckets_hold_a_quarter_million_hashes_at_most_on_average():
    assert [bits_for(count) for count in (0, 1, 1 << 18, (1 << 18) + 1, 100_000_000)] == [0, 0, 0, 1, 9]


# -- files -------------------------------------------------------------------------------------------------------------

ROWS = [Document(f"d{i}", 1 + i % 3, (UNIVERSE[i % 4], UNIVERSE[4 + i % 6])) for i in range(40)]


@pytest.fixture(params=["local", "memory"])
def store(request, tmp_path) -> Store:
    return Store(str(tmp_path / "lake") if request.param == "local" else f"memory://{uuid.uuid4()}/lake")


def held_of(store: Store) -> list[indexing.Segment]:
    return [write_release(store, number, [row for row in ROWS if row.release == number]) for number in (1, 2, 3)]


def test_a_merge_has_the_same_bytes_wherever_and_whenever_it_is_made(store):
    first, second = held_of(store), held_of(store)
    index = Index(store, first)
    merged = [
        indexing.merge(store, index, [SegmentReader(store, part) for part in parts], "f") for parts in (first, second)
    ]
    digests = [[file.sha256 for file in segment.files] for segment in merged]
    assert digests[0] == digests[1]
    assert [segment.documents for segment in merged] == [40, 40]


def test_a_merge_forgets_what_was_taken_down(store):
    held = held_of(store)
    gone = {row.name for row in ROWS[:5]}
    merged = indexing.merge(store, Index(store, held, gone), [SegmentReader(store, part) for part in held], "f")
    assert merged.documents == 35
    assert merged.hashes == 70
    bare = Index(store, [merged])  # nothing is left out of its answers
    assert not bare.places(sorted(gone))
    raw = store.read_bytes(merged.document_file.name)
    for name in gone:
        assert int(name[:16], 16).to_bytes(8, "little") not in raw
    everyone = indexing.merge(
        store, Index(store, held, {row.name for row in ROWS}), [SegmentReader(store, part) for part in held], "f"
    )
    assert everyone is None


def test_nothing_but_ids_hashes_and_names_of_files_is_written(store):
    held = held_of(store)[0]
    data = b"".join(store.read_bytes(file.name) for file in held.files)
    for trace in (b"text of", b"example.org", b"en", b"CC0"):
        assert trace not in data.replace(stem_of("b1-feedfacecafebeef-00000-x").encode(), b"")
    assert sum(file.bytes for file in held.files) == len(data)


@pytest.mark.parametrize("which", [0, 1])
def test_a_lost_or_damaged_file_is_named(store, which):
    held = held_of(store)[0]
    file = held.files[which]
    data = store.read_bytes(file.name)
    store.write_atomic(file.name, data[: len(data) // 2])
    with pytest.raises(SnapshotError, match=r"damaged.*sluice lake reindex"):
        Index(store, [held])
    store.write_atomic(file.name, b"x" * len(data))
    with pytest.raises(SnapshotError, match=r"damaged.*sluice lake reindex"):
        Index(store, [held])
    store.write_atomic(file.name, data[:600] + bytes([data[600] ^ 1]) + data[601:])
    with pytest.raises(SnapshotError, match=r"damaged.*sluice lake reindex"):
        indexing.merge(store, Index(store, [held]), [SegmentReader(store, held)], "f")
    store.remove(file.name)
    with pytest.raises(SnapshotError, match=r"missing.*sluice lake reindex"):
        Index(store, [held])


def test_documents_without_signatures_are_found_by_id(store):
    rows = [document(f"d{i}") for i in range(3)]
    made = indexing.make(store, [write(store, "documents", documents(rows))], [], {"b1": 1}, "f")
    assert (made.documents, made.hashes) == (3, 0)
    assert Index(store, [made]).places([identity("d1"), identity("d9")]).keys() == {identity("d1")}


def test_a_signature_of_no_document_is_refused(store):
    signed = [{"document_id": identity("x"), "published_digest": "y", "bands": [1]}]
    name = write(store, "signatures", pa.Table.from_pylist(signed, SIGNATURES))
    with pytest.raises(ContractViolation, match="of no document"):
        indexing.make(store, [write(store, "documents", documents([document("d")]))], [name], {"b1": 1}, "f")
