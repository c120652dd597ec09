"""A shard's snapshots as the documents and outcomes that `pipeline.bias` counts."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.bias.counts import LANGUAGE, WHOLE, Bools, Documents
from pipeline.bias.groups import regions
from pipeline.bias.screen import Screened, screen
from pipeline.bias.terms import group_names
from pipeline.document import TEXT, VERDICT_COLUMN
from pipeline.errors import SnapshotError
from pipeline.lake.snapshots import Chain
from pipeline.text.arrow import one
from pipeline.verdict import reasons

EARLY = ("ingest", "dedup")
"""Stages before a language is known: only regions are compared there."""
UNDETERMINED = "und"
NOT_WANTED = "language.not_wanted@1"


def fine_documents(shard: int, chain: Chain) -> tuple[Documents, npt.NDArray[np.int64]]:
    """Return the documents of a shard that were no duplicates, with all that became of them, and their rows.

    Documents in a language that the configuration does not want are left out.
    """
    base = chain.upto("language").live(shard)
    judging = [manifest for manifest in chain.manifests if manifest.stage not in EARLY and not manifest.switched_off]
    verdicts = {m.stage: one(chain.read(m.stage, shard, [VERDICT_COLUMN]).column(0)) for m in judging}
    if LANGUAGE in verdicts:
        unwanted = pc.equal(reasons(verdicts[LANGUAGE]), NOT_WANTED)
        base &= ~np.asarray(pc.fill_null(unwanted, False))
    rows = np.flatnonzero(base).astype(np.int64)
    take = pa.array(rows)
    table = chain.read("ingest", shard, ["source", "uri", "characters"]).take(take)
    language = _languages(shard, chain).take(take)
    return (
        Documents(
            one(table.column("source")),
            language,
            one(regions(table.column("uri"))),
            np.asarray(pc.fill_null(table.column("characters"), 0), np.int64),
            screen(_texts(shard, chain, take), language),
            outcomes({stage: verdict.take(take) for stage, verdict in verdicts.items()}, len(rows)),
        ),
        rows,
    )


def outcomes(verdicts: Mapping[str, pa.Array], length: int) -> dict[str, Bools]:
    """Return every outcome of the judging stages: who was read and lost, and against whom which rule speaks."""
    alive = np.ones(length, np.bool_)
    found = {f"read:{WHOLE}": alive.copy()}
    for stage, verdict in verdicts.items():
        found[f"read:{stage}"] = alive
        stays = np.asarray(pc.is_null(verdict))
        found[f"lost:{stage}"] = alive & ~stays
        flat, parents = pc.list_flatten(verdict), np.asarray(pc.list_parent_indices(verdict))
        names = pc.dictionary_encode(pc.struct_field(flat, "reason"))
        codes = np.asarray(names.indices)
        for code, reason in enumerate(names.dictionary.to_pylist()):
            hit = np.zeros(length, np.bool_)
            hit[parents[codes == code]] = True
            found[f"rule:{reason}"] = hit
        alive = alive & stays
    found[f"lost:{WHOLE}"] = ~alive
    return found


def early_documents(shard: int, chain: Chain) -> Documents:
    """Return all documents of a shard, with what became of them before their language was known."""
    table = chain.read("ingest", shard, ["source", "uri"])
    length = table.num_rows
    outcomes: dict[str, Bools] = {}
    alive = np.ones(length, np.bool_)
    for stage in EARLY:
        outcomes[f"read:{stage}"] = alive
        stays = np.asarray(chain.through(stage).live(shard))
        outcomes[f"lost:{stage}"] = alive & ~stays
        alive = stays
    nothing = Screened(
        np.zeros((length, len(group_names())), np.uint8), np.zeros(length, np.bool_), np.zeros(length, np.int8)
    )
    return Documents(
        one(table.column("source")),
        pa.nulls(length, pa.string()),
        one(regions(table.column("uri"))),
        np.zeros(length, np.int64),
        nothing,
        outcomes,
    )


def _languages(shard: int, chain: Chain) -> pa.Array:
    """Return the language of the list for each document: its own, or where that is undetermined the likeliest one.

    A variety that the model knows little of is undetermined more often: it must not drop out of the report by that.
    """
    if LANGUAGE not in chain.stages or chain.manifest(LANGUAGE).switched_off:
        return pa.nulls(len(chain.live(shard)), pa.string())
    table = chain.read(LANGUAGE, shard, ["language", "language_runner_up"])
    language, runner_up = (one(column) for column in table.columns)
    return pc.if_else(pc.equal(language, UNDETERMINED), runner_up, language)


def _texts(shard: int, chain: Chain, take: pa.Array) -> pa.Array:
    """Return the texts: redacted, or raw where a document was rejected before that; null where raw text has expired."""
    texts = chain.documents(shard, [TEXT]).column(0).take(take)
    if texts.null_count and "pii" in chain.stages:
        with suppress(SnapshotError):  # the report says how many documents could not be assessed
            texts = pc.coalesce(texts, chain.upto("pii").documents(shard, [TEXT]).column(0).take(take))
    return one(texts)
