"""A removed document beside the one that stays for it: who that is, what both belong to, and where their texts differ.

Nothing here is kept: texts are read when somebody asks, from where they lie. Whoever may read the raw root sees raw text, as with
`sluice quarantine show`; what has expired, was taken down or may not be read is said in words.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.batch import Batch
from pipeline.dedup.find import EXACT
from pipeline.document import subjects_of
from pipeline.errors import ConfigError, SluiceError
from pipeline.lake.places import rows_of
from pipeline.lake.releases import Release
from pipeline.lake.snapshots import Chain
from pipeline.text.difference import difference

TWIN_STAGES = ("dedup", "publish")
"""Stages that remove a document for another one."""


class Published(NamedTuple):
    """What a release says of a document."""

    source: str
    release: int | None


class Row(NamedTuple):
    """A document of the batch."""

    shard: int
    row: int
    document_id: str


class Unshown(Exception):  # noqa: N818 - no error: a reason, told in words
    """Why a text is not shown."""


def twin(batch: Batch, chain: Chain, stage: str, row: Row, *, texts: bool) -> dict[str, Any] | None:
    """Return what is known of a document that a stage removed for another one; None where it did not.

    Parameters
    ----------
    batch, chain
        The batch and its snapshots, the stage's among them.
    stage
        One of `TWIN_STAGES`.
    row
        The removed document.
    texts
        Read both texts and show where they differ; without it the answer holds no text.
    """
    columns = ["survivor", "survivor_release", "similarity"]
    values = chain.read(stage, row.shard, columns).slice(row.row, 1).to_pylist()[0]
    if values["survivor"] is None:
        return None
    survivor = str(values["survivor"])
    place = find_row(chain, survivor) if values["survivor_release"] is None else None
    known = published(batch, [survivor]).get(survivor)
    found: dict[str, Any] = {
        "document": {"id": row.document_id, "source": source_of(chain, row)},
        "survivor": {
            "id": survivor,
            "source": source_of(chain, place) if place else known.source if known else None,
            "release": values["survivor_release"] if place is None else known.release if known else None,
            "where": "in this batch" if place else "published before this batch",
            "in_newest_release": known is not None,
            "removed_later": removed_later(chain, stage, place) if place else None,
        },
        "similarity": values["similarity"],
        "cluster": cluster_of(chain, stage, survivor, place),
    }
    if texts:
        found |= compared(batch, chain, stage, row, survivor, values["survivor_release"])
    return found


def compared(
    batch: Batch, chain: Chain, stage: str, row: Row, survivor: str, release: int | None, **limits: int
) -> dict[str, Any]:
    """Return `difference` of the two texts as they were compared, or null and the reason under `no_difference`.

    Within the batch dedup compares raw with raw text; with published text, which is redacted, the document is redacted first, and where
    that was done in another way what both leave alike is compared. Publish compares redacted texts. `limits` are those of
    `pipeline.text.difference.difference`.
    """
    seen = _compared_chain(chain, stage, row)
    form = "raw text" if stage == "dedup" else "redacted text"
    try:
        first = _own_text(batch, seen, row, "the removed document")
        second = (
            _published_text(batch, survivor, release)
            if release is not None
            else _own_text(batch, seen, _known_row(chain, survivor), "the survivor")
        )
        if release is not None:
            first, second, form = _alike(batch, stage, release, first, second)
    except Unshown as reason:
        return {"difference": None, "no_difference": str(reason)}
    found = asdict(difference(first, second, **limits))
    return {
        "difference": {**found, "parts": [part._asdict() for part in found["parts"]]},
        "compared": form,
    }


def published(batch: Batch, ids: list[str]) -> dict[str, Published]:
    """Return source and release of those documents that the newest release holds."""
    newest = batch.corpus.newest()
    if newest is None or not ids:
        return {}
    numbers = {entry.batch_id: entry.number for entry in batch.corpus.history() if entry.kind == "publish"}
    found = {}
    for block in batch.corpus.documents(newest, ["document_id", "source", "batch_id"], ids):
        for name, source, of in zip(*(column.to_pylist() for column in block.columns), strict=True):
            found[name] = Published(source, numbers.get(of))
    return found


def find_row(chain: Chain, document_id: str) -> Row | None:
    """Return the document's row in the batch: the one that got beyond ingest, where its record was read more than once."""
    for shard, row in rows_of(chain, document_id):
        if chain.read_row("ingest", shard, row, ["verdict"])["verdict"] is None:
            return Row(shard, row, document_id)
    return None


def _known_row(chain: Chain, document_id: str) -> Row:
    place = find_row(chain, document_id)
    if place is None:
        raise Unshown("the batch does not hold the survivor")
    return place


def source_of(chain: Chain, row: Row) -> str:
    """Return a document's source."""
    return str(chain.read("ingest", row.shard, ["source"]).column(0)[row.row].as_py())


def removed_later(chain: Chain, stage: str, row: Row) -> str | None:
    """Return why a later stage removed a document that stayed at `stage`; None if none did."""
    for name in chain.stages[chain.stages.index(stage) + 1 :]:
        findings = chain.read(name, row.shard, ["verdict"]).column(0)[row.row].as_py()
        if findings:
            return str(findings[0]["reason"])
    return None


def cluster_of(chain: Chain, stage: str, survivor: str, place: Row | None) -> dict[str, Any]:
    """Return how many documents of the batch a survivor stands for, itself included if it is one of them, and of which sources."""
    sources: Counter[str] = Counter([source_of(chain, place)] if place else [])
    for shard in range(chain.shards):
        hit = pc.equal(chain.read(stage, shard, ["survivor"]).column(0), survivor)
        rows = np.flatnonzero(pc.fill_null(hit, False).to_numpy(zero_copy_only=False))
        sources.update(chain.read("ingest", shard, ["source"]).column(0).take(pa.array(rows)).to_pylist())
    return {"documents": sources.total(), "sources": dict(sources.most_common())}


def _alike(batch: Batch, stage: str, release: int, own: str, other: str) -> tuple[str, str, str]:
    """Return a document's text and one that a release published as a stage compared them, and what that is called."""
    from pipeline.stages.redacted import redaction_of

    try:
        redaction = redaction_of(batch.settings)
        if batch.corpus.get(release).redacted_as(release) not in (None, redaction.redacting):
            first, second = redaction.common(pa.array([own, other])).to_pylist()
            return first, second, "redacted text without its tokens"
        redacted = own if stage == "publish" else redaction.publish(pa.array([own]))[0].as_py()
    except ConfigError as error:  # whoever asks need not have the key
        raise Unshown(f"the removed document cannot be redacted here: {error}") from None
    return redacted, other, "redacted text"


def _own_text(batch: Batch, chain: Chain, row: Row, who: str) -> str:
    """Return a document's text at the end of a chain."""
    facts = chain.read("ingest", row.shard, ["text_digest", "post"]).slice(row.row, 1).to_pylist()[0]
    gone = batch.corpus.tombstones()
    if ({row.document_id} | subjects_of(facts["post"])) & gone.ids or facts["text_digest"] in gone.digests:
        raise Unshown(f"{who} was taken down: its text is not shown")
    try:
        text = chain.texts(row.shard)[row.row].as_py()
    except SluiceError as error:
        raise Unshown(f"the text of {who} is not there: {error}") from None
    except OSError as error:
        raise Unshown(f"the text of {who} cannot be read with the rights you have ({type(error).__name__})") from None
    if text is None:
        raise Unshown(f"nothing is kept of the text of {who}")
    return str(text)


def _compared_chain(chain: Chain, stage: str, row: Row) -> Chain:
    """Return the snapshots whose text was compared: dedup compares what is left after its cuts, but copies as they came.

    `row` is the removed document; how it was compared holds for its survivor too.
    """
    findings = chain.read(stage, row.shard, ["verdict"]).column(0)[row.row].as_py()
    copies = bool(findings) and findings[0]["reason"] == EXACT
    return chain.through(stage) if stage == "dedup" and not copies else chain.upto(stage)


def _published_text(batch: Batch, document_id: str, number: int) -> str:
    """Return the text that a release published."""
    release: Release = batch.corpus.get(number)
    try:
        text = batch.corpus.text_of([document_id], release).get(document_id)
    except OSError as error:
        raise Unshown(f"the survivor's text cannot be read with the rights you have ({type(error).__name__})") from None
    if text is None:
        raise Unshown(f"the survivor, published by release {number}, was taken down since: its text is not shown")
    return text
