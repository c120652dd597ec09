"""The quarantine: all that was rejected or failed, with stage and reasons, replayable.

It is no copy: a rejected document stays a row of its batch's shards, its text in the raw root, and this module reads them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from pipeline.errors import UserError
from pipeline.lake.places import rows_of
from pipeline.lake.snapshots import Chain


def rows(chain: Chain, stage: str | None = None, reason: str | None = None) -> Iterator[dict[str, Any]]:
    """Yield the quarantined documents of a batch: id, source, place of the record, stage and findings; never text."""
    for manifest in chain.manifests:
        if stage is not None and manifest.stage != stage:
            continue
        for shard in range(chain.shards):
            verdicts = chain.read(manifest.stage, shard, ["verdict"]).column(0)
            hit = np.flatnonzero(verdicts.is_valid().to_numpy(zero_copy_only=False)).astype(np.int64)
            places = chain.documents(
                shard, ["document_id", "source", "record_file", "record_offset", "uri"], hit
            ).to_pylist()
            for place, findings in zip(places, verdicts.take(pa.array(hit)).to_pylist(), strict=True):
                if reason is None or findings[0]["reason"] == reason:
                    yield {**place, "stage": manifest.stage, "findings": findings}


def content(chain: Chain, document_id: str) -> tuple[str | None, bytes | None]:
    """Return a document's raw text, or the bytes of its record where it never became text.

    Raises
    ------
    UserError
        If the batch has no such document.
    """
    for shard, row in rows_of(chain, document_id):
        found = chain.read_raw(shard, ["text", "record"]).slice(row, 1).to_pylist()[0]
        return found["text"], found["record"]
    raise UserError(f"the batch has no document '{document_id}'")
