"""Duplicates that only publishing can see: texts that redaction made equal, and what was published since the batch's base."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.batch import Batch
from pipeline.dedup.exact import exact_keys
from pipeline.dedup.published import published_since
from pipeline.dedup.signatures import Bands
from pipeline.lake.release import Signing
from pipeline.lake.snapshots import Chain
from pipeline.settings import Settings
from pipeline.stages.redacted import redaction_of
from pipeline.stages.signed import Rows, Signed, find, matrix, ranks_of, sign, signings_of, texts_of, with_own
from pipeline.text.arrow import one


class Twin(NamedTuple):
    """The document that stays for another one."""

    document_id: str
    release: int | None
    similarity: float


def duplicates_at_publish(batch: Batch, chain: Chain, gone: set[str], onto: int | None) -> dict[str, Twin]:
    """Return the live documents that, as they would be published, are duplicates of one another or of what came since the base.

    Containment is dedup's own question and not asked again.
    """
    if chain.manifest("dedup").switched_off:
        return {}
    release = batch.corpus.get(onto) if onto is not None and onto != batch.record.base else None
    signings = with_own(batch.settings.dedup, signings_of(batch, release))
    signed = _signed_again(chain, batch.settings, gone, signings)
    published = None
    if release is not None:
        redaction = replace(redaction_of(batch.settings), publish=lambda texts: texts)  # they are redacted
        published = published_since(batch.corpus, batch.record.base, release, signed.published_bands, redaction)
    similar = batch.settings.dedup.model_copy(update={"containment": None})
    found = find(similar, signed, partial(texts_of, chain, signed), published)
    ids = signed.document_ids.to_pylist()
    twins = zip(
        found.survivor.to_pylist(), found.survivor_release.to_pylist(), found.similarity.to_pylist(), strict=True
    )
    return {
        name: Twin(survivor, release, similarity)
        for name, (survivor, release, similarity) in zip(ids, twins, strict=True)
        if survivor is not None
    }


def _signed_again(chain: Chain, settings: Settings, gone: set[str], signings: Sequence[Signing]) -> Signed:
    """Return the live documents with the bands that dedup wrote and the exact keys of their text as it is now.

    Bands of other signings, which the newer releases may bring, are made from the redacted text: the few pairs that only the raw text
    would nominate are left to the audit.
    """
    ranks = ranks_of(settings)
    parts: list[tuple[pa.Table, Rows, int]] = []
    foreign: list[npt.NDArray[np.int64]] = []
    for shard in range(chain.shards):
        rows = np.flatnonzero(chain.live(shard)).astype(np.int64)
        table = chain.documents(shard, ["document_id", "source", "characters", "bands", "text"], rows)
        stays = np.array([name not in gone for name in table.column("document_id").to_pylist()], bool)
        texts = one(table.column("text"))
        exact = exact_keys(texts)[stays]
        if len(signings) > 1:
            foreign.append(sign(texts, signings).hashes[stays, signings[0].bands :])
        table = table.drop_columns(["text"]).filter(pa.array(stays))
        table = table.append_column("exact_0", pa.array(exact[:, 0])).append_column("exact_1", pa.array(exact[:, 1]))
        parts.append((table, rows[stays], shard))
    table = pa.concat_tables([part for part, _, _ in parts])
    hashes = matrix(table.column("bands"))
    usable = _usable(hashes, table.num_rows)
    return Signed(
        np.concatenate([np.full(len(rows), shard, np.int64) for _, rows, shard in parts]),
        np.concatenate([rows for _, rows, _ in parts]),
        one(table.column("document_id")),
        np.array([ranks[name] for name in table.column("source").to_pylist()], np.int64),
        table.column("characters").to_numpy().astype(np.int64),
        np.column_stack([table.column("exact_0").to_numpy(), table.column("exact_1").to_numpy()]),
        Bands(hashes, usable),
        Bands(np.hstack([hashes, np.concatenate(foreign)]) if foreign and len(hashes) else hashes, usable),
    )


def _usable(hashes: npt.NDArray[np.int64], length: int) -> npt.NDArray[np.bool_]:
    """Return which rows have bands: a document without words has zeros."""
    return np.asarray(hashes.any(axis=1) if hashes.size else np.zeros(length, bool), bool)
