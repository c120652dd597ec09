"""The tables for other tools: plain pyiceberg and pyarrow read a release; no file but the data pages holds a value."""

from __future__ import annotations

import re
import zlib
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from batches import FINGERPRINT, document, documents, identity, publish, sha256, signatures, words_of, write

from pipeline.errors import ConfigError, SnapshotError
from pipeline.lake import tables
from pipeline.lake.iceberg import Tables
from pipeline.lake.releases import Corpus
from pipeline.lake.store import Store

A, B = ["a0", "a1", "a2"], ["b0", "b1"]
PHRASE = "Zanzibar Quuxley, 221b"


@pytest.fixture
def corpus(tmp_path) -> Corpus:
    return Corpus(Store(str(tmp_path / "lake")))


def plain_catalog(root: Path):
    from pyiceberg.catalog.sql import SqlCatalog

    return SqlCatalog("sluice", uri=f"sqlite:///{root}/warehouse/catalog.db", warehouse=f"file://{root}/warehouse")


def test_plain_pyiceberg_reads_main_tags_and_snapshots(corpus):
    publish(corpus, "b1", A)
    publish(corpus, "b2", B, base=1)
    corpus.takedown([identity("a1")], "asked")
    table = plain_catalog(Path(corpus.store.root)).load_table("corpus.documents")
    assert sorted(table.scan().to_arrow()["text"].to_pylist()) == sorted(f"text of {w}" for w in ("a0", "a2", *B))
    for number in (1, 2, 3):
        release = corpus.get(number)
        snapshot = table.snapshot_by_name(f"release-{number:08d}")
        assert snapshot.snapshot_id == release.tables["documents"]
        assert table.scan(snapshot_id=snapshot.snapshot_id).to_arrow().num_rows == release.documents
    row = table.scan(row_filter=f"document_id == '{identity('b0')}'").to_arrow().to_pylist()
    assert row == [document("b0", batch_id="b2")]
    signed = plain_catalog(Path(corpus.store.root)).load_table("corpus.signatures").scan().to_arrow()
    assert signed["bands"].to_pylist() == [[1, -2]] * 4


def plant(corpus: Corpus) -> None:
    """Publish, take down and roll back documents that hold the phrase wherever text or an address can stand."""
    rows = [
        document("a0", text=PHRASE, uri=f"https://example.org/{PHRASE}", lineage=f'{{"x":"{PHRASE}"}}', license=PHRASE),
        document("a1", text=f"{PHRASE} again", uri=PHRASE),
    ]
    corpus.publish(
        base=None,
        batch_id="b1",
        fingerprint=FINGERPRINT,
        documents=[write(corpus.store, "documents", documents(rows))],
        signatures=[write(corpus.store, "signatures", signatures(rows))],
    )
    publish(corpus, "b2", B, base=1)
    corpus.takedown([identity("a1")], "asked")
    corpus.rollback(1, "bad")


def avro_content(path: Path) -> bytes:
    """Return header and unpacked blocks of an Avro file (specification 1.11, object container files, codec deflate)."""
    data = path.read_bytes()
    header, *blocks, end = data.split(data[-16:])
    assert header.startswith(b"Obj\x01")
    assert b"deflate" in header
    assert end == b""
    content = header
    for block in blocks:
        start = 0
        for _ in range(2):  # the number of records and of bytes, each a variable-length number
            while block[start] & 0x80:
                start += 1
            start += 1
        content += zlib.decompress(block[start:], -15)
    return content


def leaks(root: Path) -> list[str]:
    """Name the places outside the data pages that hold the phrase or its first characters."""
    found = []
    needles = [PHRASE.encode(), PHRASE[:8].encode()]
    for path in sorted(root.rglob("*")):
        if not path.is_file():
            continue
        if path.suffix == ".parquet":
            metadata = pq.read_metadata(path)
            for group in range(metadata.num_row_groups):
                for index in range(metadata.num_columns):
                    column = metadata.row_group(group).column(index)
                    if (
                        column.statistics is not None
                        and PHRASE[:8] in f"{column.statistics.min}{column.statistics.max}"
                    ):
                        found.append(f"{path.name}:{column.path_in_schema}")
            footer = path.read_bytes()[-metadata.serialized_size - 8 :]
            found += [f"{path.name}:footer" for needle in needles if needle in footer]
        elif path.suffix == ".avro":
            found += [path.name for needle in needles if needle in avro_content(path)]
        elif any(needle in path.read_bytes() for needle in needles):
            found.append(path.name)
    return found


def test_no_text_outside_the_data_pages(corpus):
    plant(corpus)
    manifests = list(Path(corpus.store.root).rglob("*.avro"))
    assert any(b".parquet" in avro_content(path) for path in manifests)
    assert leaks(Path(corpus.store.root)) == []


def test_the_search_finds_a_planted_leak(corpus, monkeypatch):
    monkeypatch.setattr(tables, "STATISTICS", tables.DOCUMENTS.names)
    monkeypatch.setattr("pipeline.lake.addition.STATISTICS", tables.DOCUMENTS.names)
    plant(corpus)
    found = leaks(Path(corpus.store.root))
    assert any(place.endswith(":text") for place in found)
    assert any(place.endswith(":footer") for place in found)


def test_manifests_hold_no_statistics_and_tables_forbid_them(corpus):
    publish(corpus, "b1", A)
    catalog = plain_catalog(Path(corpus.store.root))
    for name in tables.TABLES:
        table = catalog.load_table(f"corpus.{name}")
        assert table.properties["write.metadata.metrics.default"] == "none"
        for column in table.schema().column_names:
            if column.split(".")[0] not in tables.STATISTICS:
                assert table.properties[f"write.metadata.metrics.column.{column.split('.')[0]}"] == "none"
        for task in table.scan().plan_files():
            assert not task.file.lower_bounds
            assert not task.file.upper_bounds


def test_what_another_engine_appends_has_no_statistics_of_text_in_manifests(corpus):
    plant(corpus)
    table = plain_catalog(Path(corpus.store.root)).load_table("corpus.documents")
    table.append(documents([document("b9", text=PHRASE, uri=PHRASE)]))
    avro = [place for place in leaks(Path(corpus.store.root)) if place.endswith(".avro")]
    assert avro == []


def test_a_foreign_commit_to_main_is_in_no_release(corpus):
    publish(corpus, "b1", A)
    table = plain_catalog(Path(corpus.store.root)).load_table("corpus.documents")
    table.append(documents([document("foreign")]))
    assert words_of(corpus, A) == A
    publish(corpus, "b2", B, base=1)
    assert words_of(corpus, A + B) == sorted(A + B)
    table.refresh()
    assert table.scan().to_arrow().num_rows == 5


@pytest.mark.parametrize("folder", ["with space", "ümlaut", "per%20cent", "hash#mark", "quest?ion"])
def test_any_folder_name(tmp_path, folder):
    corpus = Corpus(Store(str(tmp_path / folder)))
    publish(corpus, "b1", A)
    corpus.takedown([identity("a1")], "asked")
    assert words_of(Corpus(Store(str(tmp_path / folder))), A) == ["a0", "a2"]


def test_an_object_store_needs_a_catalogue(tmp_path):
    with pytest.raises(ConfigError, match=r"lake\.catalog"):
        Tables(Store("memory://lake")).prepare()


def test_an_object_store_with_a_catalogue_of_its_own(tmp_path):
    store, url = Store(f"memory://{tmp_path.name}/lake"), f"sqlite:///{tmp_path}/catalog.db"
    corpus = Corpus(store, url)
    publish(corpus, "b1", A)
    publish(corpus, "b2", B, base=1)
    corpus.takedown([identity("a1")], "asked")
    reader = Corpus(Store(store.root), url)
    assert words_of(reader, A + B) == sorted({*A, *B} - {"a1"})
    assert reader.recompute(texts=True) == reader.newest().digest
    assert not list(tmp_path.glob("lake*"))


def test_a_lost_catalogue_is_named(corpus):
    publish(corpus, "b1", A)
    (Path(corpus.store.root) / "warehouse/catalog.db").unlink()
    with pytest.raises(SnapshotError, match="does not know the table"):
        list(Corpus(corpus.store).documents())


def test_text_digests_are_of_the_text():
    assert document("a0")["published_digest"] == sha256("text of a0")
    assert re.fullmatch(r"[0-9a-f]{32}", identity("a0"))
