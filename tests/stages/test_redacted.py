"""What is published under another way of redacting is recognised all the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow.compute as pc
import pytest

from pipeline import api
from pipeline.batch import load_batch
from pipeline.chain import full_chain
from pipeline.dedup.published import published_side
from pipeline.dedup.sides import Redaction
from pipeline.dedup.signatures import Bands
from pipeline.lake.release import Redacting
from pipeline.lake.releases import Corpus
from pipeline.lake.store import Store
from pipeline.twins import Row, twin
from tests.end_to_end.conftest import documents, write_jsonl
from tests.lake.batches import publish

if TYPE_CHECKING:
    from pathlib import Path

POST = "Write to ann@example.org about the {} kittens, or call +1 650 253 0000 before {}."
POSTS = [POST.format("grey", "noon"), POST.format("striped old", "they are gone to good homes")]
AGAIN = [f"{POSTS[0]} ", POSTS[1].replace("homes", "people"), POST.format("stolen", "the police does")]
PLACEHOLDER, PSEUDONYM = "pii: {}", "pii: {replacement: pseudonym, key_epoch: 1}"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (PSEUDONYM, "pii: {replacement: pseudonym, key_epoch: 2}"),
        pytest.param(PLACEHOLDER, PSEUDONYM, marks=pytest.mark.slow),
        pytest.param(PSEUDONYM, "pii: {replacement: cut}", marks=pytest.mark.slow),
        pytest.param("pii: {entities: [US_SSN]}", PLACEHOLDER, marks=pytest.mark.slow),
        pytest.param(PLACEHOLDER, "cleaning: {filter_low_quality: false, remove_pii: false}", marks=pytest.mark.slow),
    ],
)
def test_what_was_redacted_otherwise_is_recognised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: str, second: str
) -> None:
    # Every night posts come again. A new key of pseudonyms must not make strangers of those that name an address.
    monkeypatch.setenv("SLUICE_SPARK_MASTER", "inline")
    _have_keys(monkeypatch)
    assert api.run_all(_opened(tmp_path, first, POSTS))["documents"] == 2
    reference = _opened(tmp_path, second, AGAIN)
    api.run_stage(reference, "ingest")
    api.run_gate(reference, "ingest")
    api.run_stage(reference, "dedup")
    batch = load_batch(reference)
    chain = full_chain(batch)
    assert chain.read("dedup", 0, ["survivor_release"]).column(0).to_pylist() == [1, 1, None]
    ids = chain.read("ingest", 0, ["document_id"]).column(0).to_pylist()
    told = twin(batch, chain, "dedup", Row(0, 1, ids[1]), texts=True)
    assert told["compared"] == "redacted text without its tokens"
    apart = [
        (part["kind"], part["text"]) for part in told["difference"]["parts"] if part["kind"] in ("first", "second")
    ]
    assert apart == [("first", "people."), ("second", "homes.")]


def test_what_was_redacted_otherwise_since_the_batch_was_opened_is_recognised_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLUICE_SPARK_MASTER", "inline")
    _have_keys(monkeypatch)
    late = _opened(tmp_path, "pii: {replacement: pseudonym, key_epoch: 2}", AGAIN)
    assert api.run_all(_opened(tmp_path, PSEUDONYM, POSTS))["documents"] == 2
    api.run_all(late)
    batch = load_batch(late)
    chain = full_chain(batch)
    assert chain.read("publish", 0, ["survivor_release"]).column(0).to_pylist() == [1, 1, None]
    row = Row(0, 0, chain.read("ingest", 0, ["document_id"]).column(0)[0].as_py())
    told = twin(batch, chain, "publish", row, texts=True)
    assert (told["compared"], told["difference"]["places"]) == ("redacted text without its tokens", 0)
    monkeypatch.delenv("SLUICE_PII_KEY_2")
    told = twin(batch, chain, "publish", row, texts=True)
    assert told["difference"] is None
    assert "no key of epoch 2" in told["no_difference"]


def test_published_texts_are_redacted_again_only_where_other_things_were_looked_for(tmp_path: Path) -> None:
    corpus = Corpus(Store(str(tmp_path)))
    ways = [("0", "1"), ("1", "0"), ("0", "0")]
    for number, (looked_for, tokens) in enumerate(ways):
        way = Redacting(looked_for=looked_for * 64, tokens=tokens * 64)
        publish(corpus, f"b{number}", ["abc"[number]], base=number, redacting=way)
    bands = Bands(np.array([[1, -2]]), np.array([True]))
    redaction = Redaction(way, publish=lambda texts: texts, common=pc.utf8_upper, strip=pc.utf8_capitalize)
    side = published_side(corpus, corpus.newest(), bands, redaction, 10)
    assert side is not None
    order = np.argsort(side.releases)
    assert side.foreign[order].tolist() == [True, True, False]
    assert side.common(order[:2]).to_pylist() == ["Text of a", "TEXT OF B"]
    assert side.texts(order).to_pylist() == ["text of a", "text of b", "text of c"]


def _have_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for epoch in (1, 2):
        monkeypatch.setenv(f"SLUICE_PII_KEY_{epoch}", f"{epoch}" * 32)


def _opened(folder: Path, policy: str, contents: list[str]) -> dict[str, str]:
    """Open a batch of some texts under a way of redacting."""
    cleaning = "" if "cleaning" in policy else "cleaning: {filter_low_quality: false}, "
    config = folder / "pipeline.yaml"
    sources = "ingestion: {sources: [{name: papers, kind: licensed}]}"
    config.write_text(f"data_pipeline: {{{sources}, {cleaning}{policy}}}")
    file = folder / f"{len(list(folder.glob('*.jsonl')))}.jsonl"
    write_jsonl(file, [{**documents(1)[0], "id": f"{file}{i}", "text": text} for i, text in enumerate(contents)])
    return api.open_batch(str(config), inputs={"papers": [str(file)]})
