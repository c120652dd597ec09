"""What earlier batches looked like: the figures of the corpus's releases, which a batch's gates compare it with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pipeline.batch import Batch
from pipeline.lake.manifest import Manifest
from pipeline.lake.releases import Metric, Release

SKIPPED = (
    *("read/", "bytes/", "files/", "other_records/", "normalised/"),
    *("posts/", "posts_missing/", "threads/", "threads_incomplete/"),
)
"""Prefixes of figures that say nothing about a later batch."""


def base_release(batch: Batch) -> Release | None:
    """Return the release that the batch is compared with."""
    return batch.corpus.get(batch.record.base) if batch.record.base is not None else None


def released_batches(batch: Batch) -> int:
    """Return how many batches had been published when the batch was opened."""
    base = batch.record.base
    return 0 if base is None else sum(r.kind == "publish" and r.number <= base for r in batch.corpus.history())


def figures(batch: Batch) -> dict[str, list[float]]:
    """Return the figures of the batches that were released up to the batch's base, by name, oldest first."""
    base = base_release(batch)
    if base is None:
        return {}
    rows = [row for part in batch.corpus.rows("metrics", base) for row in part.to_pylist()]
    found: dict[str, list[float]] = {}
    for row in sorted(rows, key=lambda row: (row["release"], row["name"])):
        if row["value"] is not None:
            found.setdefault(row["name"], []).append(row["value"])
    return found


def to_keep(manifests: Sequence[Manifest]) -> list[Metric]:
    """Return a batch's own figures in the form in which its release keeps them."""
    return list(_to_keep(manifests))


def _to_keep(manifests: Sequence[Manifest]) -> Iterator[Metric]:
    for manifest in manifests:
        if manifest.stage == "ingest":
            for count in manifest.counts:
                yield Metric("ingest", f"kept/{count.source}", float(count.kept), count.source)
        for name, value in manifest.metrics.items():
            if "/" in name and not name.startswith(SKIPPED) and isinstance(value, int | float):
                yield Metric(manifest.stage, name, float(value))
