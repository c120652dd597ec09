"""The writer of published files: right columns, no statistics that could hold a value, any text."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from batches import document, documents

from pipeline.errors import ContractViolation
from pipeline.lake.store import Store
from pipeline.lake.tables import DOCUMENTS, SIGNATURES, STATISTICS, TABLES, conform, data_name, write_rows


@pytest.fixture
def store(tmp_path) -> Store:
    return Store(str(tmp_path))


def footer(store: Store, name: str) -> pq.FileMetaData:
    return pq.read_metadata(store.local_path(name))


HOSTILE = ["", "x", "\0", "\x01\x1f\x7f", "\u202e\ufeff\U0001f600\u0301", "z" * 5_000_000, "line\r\n" * 3]


def test_any_text_survives(store):
    rows = documents([document(f"w{i}", text=text) for i, text in enumerate(HOSTILE)])
    assert write_rows(store, "documents", "warehouse/x.parquet", [rows]) == len(HOSTILE)
    assert pq.read_table(store.local_path("warehouse/x.parquet"))["text"].to_pylist() == HOSTILE


def test_only_listed_columns_have_statistics(store):
    rows = documents([document("secret phrase")])
    write_rows(store, "documents", "x.parquet", [rows])
    group = footer(store, "x.parquet").row_group(0)
    columns = [group.column(i) for i in range(group.num_columns)]
    assert {c.path_in_schema for c in columns if c.statistics is not None} == {
        "document_id",
        "source",
        "language",
        "batch_id",
    }


@pytest.mark.parametrize(
    "personal", ["text", "uri", "lineage", "evidence", "published_digest", "text_digest", "license"]
)
def test_no_column_that_may_hold_a_value_is_listed(personal):
    assert personal not in STATISTICS


def test_rows_are_written_in_groups(store):
    batches = [documents([document(f"w{i}-{j}") for j in range(300)]) for i in range(15)]
    assert write_rows(store, "documents", "x.parquet", iter(batches)) == 4500
    metadata = footer(store, "x.parquet")
    assert metadata.num_rows == 4500
    sizes = [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)]
    assert max(sizes) <= 2000
    assert len(sizes) <= 5


def test_large_texts_make_small_groups(store):
    batch = documents([document(f"w{i}", text=chr(97 + i) * 5_000_000) for i in range(26)])
    write_rows(store, "documents", "x.parquet", [batch])
    metadata = footer(store, "x.parquet")
    assert max(metadata.row_group(i).total_byte_size for i in range(metadata.num_row_groups)) < 70 * 2**20
    assert metadata.num_row_groups == 2


@pytest.mark.parametrize("table", TABLES)
def test_no_row_makes_a_valid_empty_file(store, table):
    assert write_rows(store, table, "x.parquet", []) == 0
    assert pq.read_table(store.local_path("x.parquet")).schema.equals(TABLES[table])


def test_other_types_are_cast_and_other_columns_left_out():
    rows = pa.table(
        {
            "extra": [1],
            "bands": pa.array([[1, 2]], pa.list_(pa.field("item", pa.int64(), nullable=False))),
            "published_digest": pa.array(["d"], pa.large_string()),
            "document_id": pa.array(["i"]).dictionary_encode(),
        }
    )
    assert conform(rows, "signatures").schema.equals(SIGNATURES)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"text": None}, "'documents.text' is null in 1 rows"),
        ({"quality_score": "much"}, "'documents.quality_score' cannot be turned"),
    ],
)
def test_a_broken_row_is_named_without_its_value(change, words):
    row = {**document("a"), **change}
    with pytest.raises(ContractViolation, match=words) as caught:
        conform(pa.Table.from_pylist([row]), "documents")
    assert "much" not in str(caught.value)


def test_a_missing_column_is_named():
    rows = documents([document("a")]).drop_columns(["uri"])
    with pytest.raises(ContractViolation, match="lack the column 'uri'"):
        conform(rows, "documents")


def test_a_failed_write_leaves_nothing(store):
    good, bad = documents([document("a")]), documents([document("a")]).drop_columns(["uri"])
    with pytest.raises(ContractViolation):
        write_rows(store, "documents", "warehouse/x.parquet", [good, bad])
    assert store.list() == []


def test_names_never_repeat():
    names = {data_name("documents", "b1", "0123456789abcdef", 0) for _ in range(100)}
    assert len(names) == 100
    assert all(name.startswith("warehouse/corpus/documents/data/b1-0123456789abcdef-00000-") for name in names)


def test_documents_hold_what_the_digest_needs():
    from pipeline.lake.digest import DIGESTED

    assert set(DIGESTED) <= set(DOCUMENTS.names)
