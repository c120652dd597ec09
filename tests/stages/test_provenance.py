from __future__ import annotations

import json

import pyarrow as pa
import pytest

from pipeline.document import text_digest
from pipeline.stages.provenance import DEMANDED, ProvenanceStage, canonical, verify


def row(**changes: object) -> pa.RecordBatch:
    values: dict[str, object] = {
        "text": "The lock keeper opens the sluice.",
        "document_id": "0" * 32,
        "source": "web_crawl",
        "source_kind": "web",
        "uri": "https://example.org/a",
        "fetched_at": None,
        "license": "CC0-1.0",
        "consent": "allowed",
        "consent_evidence": None,
        "record_file": "crawl.warc.gz",
        "record_offset": 17,
        "record_id": "<urn:uuid:1>",
        "record_digest": "a" * 64,
        "text_digest": "b" * 64,
        **changes,
    }
    stage = ProvenanceStage(chain=(("ingest", "f" * 32),))
    schema = pa.schema([(name, pa.int64() if name == "record_offset" else pa.string()) for name in stage.reads])
    return pa.RecordBatch.from_pylist([values], schema=schema)


STAGE = ProvenanceStage(chain=(("ingest", "f" * 32),))


def test_a_record_verifies_from_the_published_text_alone() -> None:
    result = STAGE.apply(row()).to_pylist()[0]
    assert result["verdict"] is None
    assert verify(result["lineage"], result["lineage_digest"], "The lock keeper opens the sluice.")
    record = json.loads(result["lineage"])
    assert record["published_digest"] == text_digest("The lock keeper opens the sluice.")
    assert record["stages"] == {"ingest": "f" * 32}


@pytest.mark.parametrize("change", ["text", "lineage", "digest"])
def test_any_alteration_is_found(change: str) -> None:
    result = STAGE.apply(row()).to_pylist()[0]
    text, lineage, digest = "The lock keeper opens the sluice.", result["lineage"], result["lineage_digest"]
    if change == "text":
        text += " "
    elif change == "lineage":
        lineage = lineage.replace("CC0-1.0", "MIT")
    else:
        digest = "0" * 64
    assert not verify(lineage, digest, text)


def test_a_forged_record_with_its_own_digest_does_not_fit_the_text() -> None:
    record = dict.fromkeys(DEMANDED, "x") | {"published_digest": text_digest("another text")}
    line = canonical(record)
    assert not verify(line, text_digest(line), "The lock keeper opens the sluice.")


@pytest.mark.parametrize("name", ["source", "record_file", "record_digest", "text_digest", "consent", "record_offset"])
def test_a_missing_demanded_field_rejects(name: str) -> None:
    result = STAGE.apply(row(**{name: None})).to_pylist()[0]
    assert result["lineage_missing"] == 1
    assert result["verdict"][0]["reason"] == "provenance.incomplete_lineage@1"


def test_an_unknown_licence_is_said_and_not_invented() -> None:
    result = STAGE.apply(row(license=None, uri=None)).to_pylist()[0]
    assert result["verdict"] is None
    assert json.loads(result["lineage"])["license"] is None


@pytest.mark.parametrize("broken", [None, "", "{", "[]", "null"])
def test_what_is_no_record_does_not_verify(broken: str | None) -> None:
    assert not verify(broken, text_digest(broken or ""), "text")
