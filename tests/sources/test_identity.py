"""A document's id: the same wherever its record lies and however it is read; another one for another source, address or content."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import random
import tempfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import api
from pipeline.batch import load_batch
from pipeline.chain import full_chain
from pipeline.document import document_id
from pipeline.source import Source
from pipeline.sources.files import list_files
from pipeline.sources.records import read_file
from tests.sources.hostile_archives import PAGE, http, record

COATS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": lambda data: gzip.compress(data, mtime=0),
    ".zst": zstandard.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
}
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
ADDRESS = st.one_of(st.none(), st.text("abc/?é ", max_size=8))
RECORDS = st.lists(st.tuples(ADDRESS, TEXT), min_size=1, max_size=8, unique=True)
SEED = st.integers(0, 2**32)


def ids(folder: Path, form: str = "auto", name: str = "feed") -> dict[str, str]:
    """Return the id of each record of a source, by the digest of its content."""
    source = Source(name=name, kind="licensed", paths=(str(folder),), format=form)
    found = {}
    for file in list_files(source).files:
        for chunk in read_file(source, file):
            rows = chunk.columns.to_pylist()
            found.update({f"{row['uri']} {row['record_digest']}": row["document_id"] for row in rows})
    return found


def dealt(parts: list[bytes], dice: random.Random, count: int) -> list[list[bytes]]:
    """Return the parts in another order, dealt to so many files."""
    parts = dice.sample(parts, len(parts))
    cuts = sorted(dice.choices(range(len(parts) + 1), k=count - 1))
    return [parts[start:end] for start, end in zip([0, *cuts], [*cuts, len(parts)], strict=True)]


def lines_of(records: list[tuple[str | None, str]]) -> list[bytes]:
    return [json.dumps({"url": url, "text": text}, ensure_ascii=False).encode() + b"\n" for url, text in records]


def write_jsonl(folder: Path, records: list[tuple[str | None, str]], dice: random.Random) -> None:
    for number, part in enumerate(dealt(lines_of(records), dice, dice.randint(1, 4))):
        place = folder / dice.choice(["", "deep/er/"]) / f"{dice.randrange(10**6)}-{number}"
        coat = dice.choice(list(COATS))
        place.parent.mkdir(parents=True, exist_ok=True)
        place.with_name(f"{place.name}.jsonl{coat}").write_bytes(
            COATS[coat](b"\n" * dice.randrange(3) + b"".join(part))
        )


def write_csv(folder: Path, records: list[tuple[str | None, str]], dice: random.Random) -> None:
    quoted = [(url or "", text.replace("\r", " ").replace("\0", " ").replace('"', '""')) for url, text in records]
    rows = [f'"{url}","{text}"\n'.encode() for url, text in quoted]
    for number, part in enumerate(dealt(rows, dice, dice.randint(1, 4))):
        coat = dice.choice(list(COATS))
        (folder / f"{dice.randrange(10**6)}-{number}.csv{coat}").write_bytes(
            COATS[coat](b"url,text\n" + b"".join(part))
        )


def write_parquet(folder: Path, records: list[tuple[str | None, str]], dice: random.Random) -> None:
    for number, part in enumerate(dealt(lines_of(records), dice, dice.randint(1, 3))):
        rows = [json.loads(line) for line in part]
        columns = {"url": pa.array([row["url"] for row in rows], pa.string()), "text": pa.array([row["text"] for row in rows], dice.choice([pa.string(), pa.large_string()]))}  # fmt: skip
        if dice.random() < 0.5:
            columns["beside"] = pa.array([dice.random() for _ in rows])
        sink = io.BytesIO()
        pq.write_table(pa.table(columns), sink, compression=dice.choice(["none", "zstd", "snappy"]), row_group_size=dice.randint(1, 5), use_dictionary=dice.random() < 0.5)  # fmt: skip
        (folder / f"{number}.parquet").write_bytes(sink.getvalue())


def write_warc(folder: Path, records: list[tuple[str | None, str]], dice: random.Random) -> None:
    pages = [
        record(http(PAGE.replace(b"reader", text.encode().hex().encode())), f"http://a/{(url or '').encode().hex()}")
        for url, text in records
    ]
    for number, part in enumerate(dealt(pages, dice, dice.randint(1, 3))):
        coat = dice.choice(["", ".gz", ".zst"])
        packed = map(COATS[coat], part) if dice.random() < 0.5 else [COATS[coat](b"".join(part))]
        (folder / f"{dice.randrange(10**6)}-{number}.warc{coat}").write_bytes(b"".join(packed))


WRITERS = {"jsonl": write_jsonl, "csv": write_csv, "parquet": write_parquet, "warc": write_warc}


@pytest.mark.parametrize("form", WRITERS)
@settings(max_examples=25, deadline=None)
@given(records=RECORDS, one=SEED, other=SEED)
def test_it_does_not_depend_on_file_order_compression_or_root(form, records, one, other):
    found = []
    for seed in (one, other):
        with tempfile.TemporaryDirectory() as folder:
            WRITERS[form](Path(folder), records, random.Random(seed))
            found.append(ids(Path(folder)))
    assert found[0] == found[1]
    # A null and an empty address are two contents only where the content is the line itself.
    different = set(records) if form == "jsonl" else {(url or "", text) for url, text in records}
    assert len(found[0]) == len(set(found[0].values())) == len(different) or form == "csv"


@settings(max_examples=25, deadline=None)
@given(records=RECORDS, seed=SEED)
def test_another_source_gives_each_record_another_id(records, seed):
    with tempfile.TemporaryDirectory() as folder:
        write_jsonl(Path(folder), records, random.Random(seed))
        here, there = ids(Path(folder)), ids(Path(folder), name="feed_2")
    assert here.keys() == there.keys()
    assert not set(here.values()) & set(there.values())


def batch_ids(folder: Path, records: list[tuple[str | None, str]], dice: random.Random) -> dict[str, str]:
    """Return the ids of a source's records in a batch: among records of other files and sources, in shards of some size."""
    write_jsonl(folder / "input" / "feed", records, dice)
    others = [(None, f"another record, number {dice.randrange(10**9)}") for _ in range(dice.randrange(5))]
    write_jsonl(folder / "input" / "feed" / "others", others, dice)
    write_jsonl(folder / "input" / "press", [*records, (None, "of the press")], dice)
    sources = dice.sample(["{name: feed, kind: social}", "{name: press, kind: licensed}"], 2)
    (folder / "pipeline.yaml").write_text(
        f"data_pipeline:\n  ingestion:\n    shard_documents: {dice.randint(1, 5)}\n    sources: [{', '.join(sources)}]\n"
        "  engine: {master: inline}\n"
    )
    reference = api.open_batch(str(folder / "pipeline.yaml"))
    api.run_stage(reference, "ingest")
    chain = full_chain(load_batch(reference))
    rows = [row for shard in range(chain.shards) for row in chain.read("ingest", shard, ["source", "uri", "record_digest", "document_id"]).to_pylist()]  # fmt: skip
    lost = {row["record_digest"] for row in rows} - {row["record_digest"] for row in rows if row["source"] == "press"}
    assert len(lost) <= len(others)
    return {f"{r['uri']} {r['record_digest']}": r["document_id"] for r in rows if r["source"] == "feed" and r["record_digest"] not in lost}  # fmt: skip


@settings(max_examples=8, deadline=None)
@given(records=RECORDS, one=SEED, other=SEED)
def test_it_does_not_depend_on_batch_or_shards(records, one, other):
    found = []
    for seed in (one, other):
        with tempfile.TemporaryDirectory() as folder:
            found.append(batch_ids(Path(folder), records, random.Random(seed)))
    assert found[0] == found[1]
    assert len(found[0]) == len(records)


PART = st.text(st.sampled_from("ab\0é\ud800"), max_size=4)


@settings(max_examples=300)
@given(one=st.tuples(PART, PART, st.binary(max_size=4)), other=st.tuples(PART, PART, st.binary(max_size=4)))
def test_any_two_of_source_address_and_content_that_differ_give_two_ids(one, other):
    """Also where only the border between two of the three is another."""
    ids_of = [document_id(source.replace("\ud800", ""), address, content) for source, address, content in (one, other)]
    same = [(source.replace("\ud800", ""), address, content) for source, address, content in (one, other)]
    assert (ids_of[0] == ids_of[1]) == (same[0] == same[1])
    assert all(len(found) == 32 and int(found, 16) >= 0 for found in ids_of)


@settings(max_examples=100)
@given(source=PART, address=PART, content=st.binary(max_size=6), cut=st.integers(0, 6))
def test_a_shifted_border_gives_another_id(source, address, content, cut):
    source = source.replace("\ud800", "")
    whole = document_id(source, address, content)
    if content[:cut].isascii() and cut and content:
        assert document_id(source, address + content[:cut].decode(), content[cut:]) != whole
    if address:
        assert document_id(source + address.replace("\ud800", "x")[:1], address[1:], content) != whole
