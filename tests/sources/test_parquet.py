"""Every row of a Parquet file is a row, also where a part of the file is damaged."""

from __future__ import annotations

import io
import random
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest


def written(table: pa.Table | dict, **options) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table if isinstance(table, pa.Table) else pa.table(table), sink, **options)
    return sink.getvalue()


def texts(count: int) -> list[str]:
    letters = random.Random(3)
    return [f"{i} " + "".join(letters.choices("abcdefgh \n", k=200)) for i in range(count)]


def test_a_good_row_fills_every_column(read):
    when = datetime(2022, 1, 1, tzinfo=UTC)
    (row,) = read(
        written({"text": ["Hello"], "id": [7], "url": ["http://a/"], "license": ["MIT"], "date": [when], "other": [1]}),
        "a.parquet",
    ).rows
    assert (row["text"], row["record_id"], row["uri"], row["license"], row["fetched_at"]) == (
        "Hello",
        "7",
        "http://a/",
        "MIT",
        when,
    )
    assert (row["consent"], row["verdict"], row["record_offset"]) == ("allowed", None, 0)


def test_the_id_does_not_depend_on_the_layout(read):
    table = {"text": texts(50), "id": list(range(50))}
    one = read(written(table, compression="zstd"), "a.parquet").rows
    two = read(
        written(pa.table(table).append_column("more", pa.array(range(50))), row_group_size=7, compression="none"),
        "b.parquet",
    ).rows
    assert [row["document_id"] for row in one] == [row["document_id"] for row in two]
    assert len({row["document_id"] for row in one}) == 50
    assert [row["record_offset"] for row in two] == list(range(50))


@pytest.mark.parametrize(
    ("column", "reasons"),
    [
        (pa.array(["a", None, "", " \n"]), ["kept", "no_text", "no_text", "no_text"]),
        (pa.array([1, 2]), ["unreadable_record", "unreadable_record"]),
        (pa.array([["a"]]), ["unreadable_record"]),
        (pa.array([b"plain", b"\xff\xfe"]), ["kept", "undecodable_text"]),
        (pa.array(["a", "b"]).dictionary_encode(), ["kept", "kept"]),
        (pa.array(["a"], pa.large_string()), ["kept"]),
        (pa.Array.from_buffers(pa.string(), 2, [None, pa.array([0, 1, 2], pa.int32()).buffers()[1], pa.py_buffer(b"a\xff")]), ["kept", "undecodable_text"]),
    ],
)  # fmt: skip
def test_each_kind_of_text_column(read, column, reasons):
    assert read(written({"text": column}), "a.parquet").reasons == reasons


def test_no_text_column_is_no_text_in_every_row(read):
    assert read(written({"body": ["a", "b"]}), "a.parquet").reasons == ["no_text", "no_text"]


def test_a_nested_field_is_found_by_its_path(read):
    table = written({"post": [{"text": "deep", "n": 1}, None, {"text": None, "n": 2}]})
    assert read(table, "a.parquet", text_field="post.text").reasons == ["kept", "no_text", "no_text"]
    assert read(table, "a.parquet", text_field="post.body").reasons == ["no_text"] * 3


def test_a_row_over_the_limit_is_not_held(read):
    result = read(written({"text": ["a", "x" * 50_000]}), "a.parquet", max_record_bytes=10_000)
    assert result.reasons == ["kept", "record_too_large"]
    assert result.rows[1]["record"] is None


@pytest.mark.parametrize(
    "content", [b"", b"PAR1", b"PAR1PAR1", b"not parquet at all", b"PAR1" + b"\xff" * 40 + b"PAR1"]
)
def test_a_file_that_is_no_parquet_is_one_failed_record(read, content):
    result = read(content, "a.parquet")
    assert result.reasons == ["unreadable_record"]
    assert result.account.records_read == 1


def test_a_truncated_file_is_one_failed_record(read):
    content = written({"text": texts(100)})
    assert read(content[:-20], "a.parquet").reasons == ["unreadable_record"]


def test_a_damaged_row_group_costs_its_own_rows(read):
    table = pa.table({"text": texts(300)})
    content = bytearray(
        written(table, row_group_size=100, compression="none", use_dictionary=False, write_page_checksum=True)
    )
    column = pq.ParquetFile(io.BytesIO(bytes(content))).metadata.row_group(1).column(0)
    content[column.data_page_offset + column.total_compressed_size // 2] ^= 0xFF
    result = read(bytes(content), "a.parquet")
    assert result.reasons == ["kept"] * 100 + ["unreadable_record"] * 100 + ["kept"] * 100
    assert result.account.records_read == 300
    assert len({row["document_id"] for row in result.rows}) == 300


def test_random_damage_never_crashes_and_always_adds_up(read):
    """Bytes are changed in the pages (a footer that lies about sizes is pyarrow's own matter: it is refused as a whole)."""
    content = written(
        {"text": texts(60), "id": list(range(60))}, row_group_size=20, compression="snappy", write_page_checksum=True
    )
    footer = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    places = random.Random(7)
    for _ in range(40):
        damaged = bytearray(content)
        for _ in range(places.randint(1, 4)):
            damaged[places.randrange(4, footer)] = places.randrange(256)
        assert len(read(bytes(damaged), "a.parquet").rows) == 60
