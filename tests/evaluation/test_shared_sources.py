"""All shared WARC files and record sets: nothing crashes, everything adds up, and the differences to other parsers are known."""

from __future__ import annotations

import gzip
import json
from collections import Counter

import pytest

from benchmarks.archives import EXPLAINED, TYPES
from pipeline.source import Source
from pipeline.sources.files import SourceFile
from pipeline.sources.records import read_file
from pipeline.verdict import outcome, reasons

# Failed rows for damaged places, beside the records that a parser found.
MORE = {"pywb__example.warc": 1, "warcio__example-trunc.warc": 1}


def read_counts(source: Source, file: SourceFile) -> tuple[Counter[str], int]:
    """Return the rows by reason, after checking that they are as many as the reader counted, and the characters kept."""
    reading = read_file(source, file)
    counts: Counter[str] = Counter()
    characters = 0
    for chunk in reading:
        counts.update(reason or "kept" for reason in reasons(chunk.columns["verdict"]).to_pylist())
        characters += sum(filter(None, chunk.columns["characters"].to_pylist()))
    kept = counts["kept"]
    failed = sum(count for reason, count in counts.items() if reason != "kept" and outcome(reason) == "failed")
    rejected = counts.total() - kept - failed
    assert reading.account.records_read == kept + rejected + failed
    assert sum(reading.account.errors.values()) == failed
    return counts, characters


def test_every_shared_archive_is_accounted_for_and_each_difference_to_the_parsers_explained(shared):
    folder = shared / "data" / "web" / "warc_shared"
    expected = json.loads((folder / "expected_by_reference_parsers.json").read_text())
    source = Source(name="web_crawl", kind="web")
    total: Counter[str] = Counter()
    for entry in expected:
        name = entry["file"]
        counts, _ = read_counts(source, SourceFile("web_crawl", str(folder / name), name, entry["bytes"], "warc"))
        total.update(counts)
        by_warcio, by_fastwarc = (
            sum(entry[parser].get(kind, 0) for kind in TYPES) for parser in ("warcio", "fastwarc")
        )
        # What a parser counted before it raised is not its whole count.
        agree = [
            counts.total() == by_warcio and "warcio_error" not in entry,
            counts.total() == by_fastwarc and "fastwarc_error" not in entry,
        ]
        assert all(agree) or name in EXPLAINED, name
        assert any(agree) or name in MORE, name
        # Nothing that one of them found is missing here.
        assert counts.total() >= max(by_warcio, by_fastwarc), name
        assert counts.total() == max(by_warcio, by_fastwarc) + MORE.get(name, 0), name
    assert len(expected) == 46
    assert total["kept"] == 87


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("social/goemotions_reddit/data.jsonl.gz", {}),
        ("social/bluesky_jetstream/expected_v1.jsonl", {"text_field": "commit.record.text", "id_field": "commit.rkey", "date_field": "commit.record.createdAt"}),
        ("social/bluesky_jetstream/golden_v1.jsonl", {"text_field": "commit.record.text"}),
        ("quality/plos_chunks_train/data.jsonl.gz", {"require_license": True}),
        ("quality/se_sherlock/data.jsonl.gz", {}),
    ],
)  # fmt: skip
def test_every_line_of_the_shared_sets_is_accounted_for(shared, path, fields):
    file = shared / "data" / path
    content = gzip.decompress(file.read_bytes()) if path.endswith(".gz") else file.read_bytes()
    lines = [line for line in content.split(b"\n") if line.strip()]
    source = Source(name="set", kind="social", **fields)
    counts, characters = read_counts(source, SourceFile("set", str(file), file.name, file.stat().st_size, "jsonl"))
    assert counts.total() == len(lines)
    place = fields.get("text_field", "text").split(".")
    texts = [json.loads(line) for line in lines]
    for part in place:
        texts = [text.get(part) if isinstance(text, dict) else None for text in texts]
    assert counts["kept"] + counts["ingest.missing_license@1"] == sum(
        isinstance(text, str) and bool(text.strip()) for text in texts
    )
    assert characters > 0
