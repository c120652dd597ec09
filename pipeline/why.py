"""Whom one reason removed: how many, of which sources and languages, and a few of them to look at."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.batch import Batch
from pipeline.chain import full_chain
from pipeline.errors import SnapshotError, UserError
from pipeline.intervals import proportion
from pipeline.lake.snapshots import Chain
from pipeline.mistakes import hint, printable
from pipeline.pii.redact import redact
from pipeline.reasons import REASONS
from pipeline.recipe import STAGES
from pipeline.sampling import keyed_sample

EXCERPT = 160
"""Characters of a sample that are shown."""
UNKNOWN = "not known yet"
"""Language of a document that did not come to the stage that says it."""
_LOOKED_AT = 2_000
"""Characters of a sample that are redacted, so that what the excerpt shows is redacted as it would be in its place."""


@dataclass
class _Counts:
    """Documents that came to a stage, and those of them that a reason spoke against."""

    came: Counter[str] = field(default_factory=Counter)
    hit: Counter[str] = field(default_factory=Counter)

    def add(self, came: pa.ChunkedArray, hit: pa.ChunkedArray) -> None:
        for counter, values in ((self.came, came), (self.hit, hit)):
            for entry in pc.fill_null(values, UNKNOWN).value_counts():
                counter[entry["values"].as_py()] += entry["counts"].as_py()

    def rows(self) -> list[dict[str, Any]]:
        """Return one row a value, the most frequently hit first."""
        found = []
        for value, came in sorted(self.came.items(), key=lambda entry: (-self.hit[entry[0]], entry[0])):
            share = proportion(self.hit[value], came)
            found.append({"value": value, "came": came, "documents": self.hit[value], "share": share.share,
                          "lower": share.lower, "upper": share.upper})  # fmt: skip
        return found


def why(batch: Batch, stage: str, reason: str | None = None, samples: int = 5) -> dict[str, Any]:
    """Return what a stage's reasons, or one of them, did to a batch.

    Parameters
    ----------
    batch
        The batch.
    stage
        The stage.
    reason
        One of its reasons, as ``stage.rule@version`` or without the version; default: all together.
    samples
        Documents to show; which ones follows from their ids.

    Returns
    -------
    dict
        ``reasons``: of each the documents that it spoke against, those for which it decided (it came first) and those against which
        nothing else spoke, which would have stayed without it. ``by_source`` and ``by_language``: documents that came to the stage, those
        that were hit, and their share with its 95 % interval. ``samples``: id, source, language, findings, and the beginning of
        the text with personal data replaced, whatever stage the document came to.

    Raises
    ------
    UserError
        If there is no such stage, the batch has not come to it, or the stage has no such reason.
    """
    if stage not in STAGES:
        raise UserError(f"there is no stage '{printable(stage)}', {hint(stage, STAGES)}")
    chain = full_chain(batch)
    if stage not in chain.stages:
        raise UserError(f"batch {batch.batch_id} has no snapshot of {stage}; `sluice run` makes it")
    wanted = _reasons(stage, reason)
    named = {name: Counter[str]() for name in ("documents", "decided", "alone")}
    by_source, by_language = _Counts(), _Counts()
    hits: list[pa.Table] = []
    for shard in range(chain.shards):
        came = _came(chain, stage, shard)
        hit = _count(came.column("verdict"), wanted, named)
        mine = came.filter(pa.array(hit))
        by_source.add(came.column("source"), mine.column("source"))
        by_language.add(came.column("language"), mine.column("language"))
        hits.append(mine.append_column("shard", pa.repeat(pa.scalar(shard), len(mine))))
    found = pa.concat_tables(hits)
    total = sum(by_source.came.values())
    return {
        "batch_id": batch.batch_id,
        "stage": stage,
        "came": total,
        "documents": len(found),
        "reasons": [
            {"reason": name, "meaning": REASONS[name][1], **{key: counts[name] for key, counts in named.items()}}
            for name in sorted(wanted, key=lambda name: (-named["documents"][name], name))
            if named["documents"][name] or reason
        ],
        "by_source": by_source.rows(),
        "by_language": by_language.rows(),
        "samples": _samples(batch, chain, stage, found, samples),
    }


def _reasons(stage: str, reason: str | None) -> set[str]:
    own = {name for name in REASONS if name.startswith(f"{stage}.")}
    if reason is None:
        return own
    found = {name for name in own if reason in {name, name.rpartition("@")[0]}}
    if not found:
        raise UserError(f"{stage} has no reason '{printable(reason)}', {hint(reason, sorted(own))}")
    return found


def _came(chain: Chain, stage: str, shard: int) -> pa.Table:
    """Return the documents that came to a stage: id, row, source, language and the stage's verdict."""
    before = chain.upto(stage)
    length = len(chain.read("ingest", shard, ["verdict"]))
    rows = np.flatnonzero(before.live(shard)) if before.manifests else np.arange(length)
    table = chain.documents(shard, ["document_id", "source", f"{stage}.verdict"], rows.astype(np.int64))
    languages = pa.chunked_array([pa.nulls(len(rows), pa.string())])
    if "language" in chain.stages:
        languages = chain.documents(shard, ["language"], rows.astype(np.int64)).column(0)
    return table.rename_columns(["document_id", "source", "verdict"]).append_column("language", languages).append_column(
        "row", pa.array(rows, pa.int64())
    )  # fmt: skip


def _count(
    verdicts: pa.ChunkedArray, wanted: set[str], named: dict[str, Counter[str]]
) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Count the wanted reasons among verdicts; return which documents had one."""
    column = verdicts.combine_chunks()
    document = pc.list_parent_indices(column).to_numpy()
    reasons = pc.struct_field(pc.list_flatten(column), "reason")
    of_interest = pc.is_in(reasons, pa.array(sorted(wanted))).to_numpy(zero_copy_only=False)
    first = np.ones(len(document), np.bool_)
    first[1:] = document[1:] != document[:-1]
    only = np.bincount(document, minlength=len(column))[document] == 1
    for key, which in (("documents", of_interest), ("decided", of_interest & first), ("alone", of_interest & only)):
        for entry in reasons.filter(pa.array(which)).value_counts():
            named[key][entry["values"].as_py()] += entry["counts"].as_py()
    hit = np.zeros(len(column), np.bool_)
    hit[document[of_interest]] = True
    return hit


def _samples(batch: Batch, chain: Chain, stage: str, found: pa.Table, count: int) -> list[dict[str, Any]]:
    """Return some of the documents, with the beginning of their text if it is still there."""
    chosen = found.take(pa.array(keyed_sample(found.column("document_id"), count, batch.batch_id)))
    return [
        {
            "document_id": row["document_id"],
            "source": row["source"],
            "language": row["language"],
            "findings": row["verdict"],
            **_excerpt(batch, chain.upto(stage), row["shard"], row["row"]),
        }
        for row in chosen.to_pylist()
    ]


def _excerpt(batch: Batch, before: Chain, shard: int, row: int) -> dict[str, str]:
    """Return the beginning of a text as it came to the stage, personal data replaced, or why it cannot be shown."""
    if not before.manifests:
        return {"not_shown": "it never became text"}
    try:
        text = before.texts(shard)[row].as_py()
    except SnapshotError as error:
        return {"not_shown": str(error)}
    if text is None:
        return {"not_shown": "its text was taken down or withheld"}
    return {"excerpt": redact(pa.array([text[:_LOOKED_AT]]), batch.settings.pii).texts[0].as_py()[:EXCERPT]}
