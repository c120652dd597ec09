"""The account is the reader's own: a row that is lost or invented shows."""

from __future__ import annotations

import pytest

from pipeline.errors import ContractViolation, SourceUnavailable
from pipeline.source import Source
from pipeline.sources import files, jsonl, records, rows
from pipeline.sources.files import SourceFile
from pipeline.sources.records import read_file
from pipeline.sources.stream import SourceStream

SOURCE = Source(name="feed", kind="social")


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"".join(b'{"text": "message %d"}\n' % i for i in range(2_500)))
    return SourceFile("feed", str(path), "a.jsonl", path.stat().st_size, "jsonl")


def test_chunks_end_at_rows_or_bytes(file, monkeypatch):
    assert [chunk.columns.num_rows for chunk in read_file(SOURCE, file)] == [1_000, 1_000, 500]
    monkeypatch.setattr(rows, "CHUNK_BYTES", 1_000)
    assert max(chunk.columns.num_rows for chunk in read_file(SOURCE, file)) < 110


def test_the_account_is_known_at_the_end_only(file):
    reading = read_file(SOURCE, file)
    next(reading)
    with pytest.raises(ContractViolation, match=r"a\.jsonl: the account is known only after the last chunk"):
        _ = reading.account
    list(reading)
    assert reading.account.records_read == 2_500


@pytest.mark.parametrize(("number", "times"), [(700, 0), (700, 2), (0, 0), (2_499, 0)])
def test_a_lost_or_doubled_row_shows(file, monkeypatch, number, times):
    """A planted fault: one record is swallowed, or yielded twice; the count of line ends knows better."""
    honest = jsonl._record

    def faulty(source, line, tally):
        for record in honest(source, line, tally):
            yield from [record] * (times if line.number == number else 1)

    monkeypatch.setattr(jsonl, "_record", faulty)
    reading = read_file(SOURCE, file)
    made = sum(chunk.columns.num_rows for chunk in reading)
    assert reading.account.records_read == 2_500
    assert made == 2_500 - 1 + times


def test_a_reader_that_breaks_costs_the_rest_and_says_so(file, monkeypatch):
    def breaking(source, file, tally):
        for number in range(3):
            tally.records += 1
            yield rows.Record(number, b"x", text="fine")
        raise RuntimeError("a secret of the text")

    monkeypatch.setitem(records.READERS, "jsonl", breaking)
    reading = read_file(SOURCE, file)
    made = [row for chunk in reading for row in chunk.columns.to_pylist()]
    assert [row["verdict"] is None for row in made] == [True, True, True, False]
    assert reading.account.records_read == 4
    assert reading.account.errors == {"RuntimeError": 1}
    assert "secret" not in str(made)


def test_one_text_that_breaks_normalisation_fails_alone(file, monkeypatch):
    def fussy(text):
        if text == "message 5":
            raise ValueError(text)
        return text, ()

    monkeypatch.setattr(rows, "normalise", fussy)
    made = [row for chunk in read_file(SOURCE, file) for row in chunk.columns.to_pylist()]
    failed = [row for row in made if row["verdict"]]
    assert [(row["record_offset"], row["verdict"][0]["reason"], row["verdict"][0]["evidence"]) for row in failed] == [
        (5, "ingest.failed@1", "ValueError")
    ]


@pytest.mark.parametrize("name", ["a.jsonl", "a.parquet", "a.warc"])
def test_a_lost_connection_is_no_damaged_file(file, monkeypatch, name):
    class Flaky:
        def read(self, *_):
            raise OSError("connection reset")

        def seek(self, *_):
            return 0

        def tell(self):
            return 0

        def close(self):
            pass

    monkeypatch.setattr(SourceStream, "_opened", lambda _: Flaky())
    source_file = SourceFile("feed", file.uri, name, 10, files.format_of(name))
    with pytest.raises(SourceUnavailable, match="cannot read"):
        list(read_file(SOURCE, source_file))


def test_long_and_odd_fields_are_bounded_and_written(read):
    result = read(
        b'{"text": "a", "url": "' + b"x" * 100_000 + b'", "id": "a\\u0000\\ud800\\nb", "license": "M\\u0007IT"}\n'
    )
    (row,) = result.rows
    assert len(row["uri"]) == 4_096
    assert row["record_id"] == "a ? b"
    assert row["license"] == "M IT"
