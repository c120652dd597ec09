"""What dedup removed from a batch, as a person would look at it: clusters, sources, sizes, and pairs near the threshold.

All of it comes from the columns and metrics that dedup wrote. Text is read for the page only (`with_differences`), and kept nowhere.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.batch import Batch
from pipeline.dedup.find import CONTAINED, EXACT
from pipeline.dedup.plan import Plan
from pipeline.dedup.verify import MARGIN
from pipeline.errors import UserError
from pipeline.lake.manifest import Manifest
from pipeline.lake.snapshots import Chain
from pipeline.repeats import repeats
from pipeline.twins import Row, compared, published
from pipeline.verdict import reasons

STAGE = "dedup"
BINS = 10
"""Bins of similarity near the threshold: five below it and five above, each of a hundredth."""
NEAREST = 20
"""Pairs near the threshold that are listed, on either side; those next to it."""
CAPPED = {
    "capped_buckets": "buckets within the batch too full to pair all of their documents",
    "capped_documents": "documents in them",
    "published_capped_buckets": "buckets shared with published documents that were too full",
    "published_capped_documents": "documents in them",
}


def report(batch: Batch, chain: Chain, *, largest: int) -> dict[str, Any]:
    """Return the report on a batch as plain data, without any text.

    Parameters
    ----------
    batch, chain
        The batch and its snapshots.
    largest
        Clusters that are listed, the largest first.

    Raises
    ------
    UserError
        If dedup has not run, or is switched off.
    """
    if STAGE not in chain.stages:
        raise UserError(f"batch {batch.batch_id}: dedup has not run yet; run `sluice stage dedup` first")
    manifest = chain.manifest(STAGE)
    if manifest.switched_off:
        raise UserError(f"batch {batch.batch_id}: the configuration switches dedup off, so there is nothing to report")
    threshold = float(manifest.metrics["threshold"] or 0)
    table = pa.concat_tables(_shards(chain))
    gone = table.filter(pc.is_valid(table.column("survivor")))
    misses = table.filter(pc.is_valid(table.column("miss")))
    sources = _sources_of(batch, table, gone)
    clusters = _clusters(gone, sources)
    return {
        "batch_id": batch.batch_id,
        "threshold": threshold,
        "compared_with_release": manifest.metrics.get("compared_with_release"),
        "documents": int(manifest.total("read")),
        "removed": gone.num_rows,
        "clusters": len(clusters),
        "sources": _by_source(manifest, gone),
        "losses": _losses(gone, sources),
        "sizes": _sizes(clusters),
        "largest": clusters[:largest],
        "near_threshold": _near(manifest, gone, misses, threshold),
        "repetition": repeats(chain),
        "capped": [
            {"what": said, "name": name, "count": manifest.metrics[name]}
            for name, said in CAPPED.items()
            if name in manifest.metrics
        ],
    }


def with_differences(batch: Batch, chain: Chain, found: dict[str, Any]) -> dict[str, Any]:
    """Return a report whose listed clusters also hold where survivor and sample differ: text that may hold personal data."""
    listed = []
    for cluster in found["largest"]:
        sample = cluster["sample"]
        row = Row(sample["shard"], sample["row"], sample["document_id"])
        texts = compared(
            batch,
            chain,
            STAGE,
            row,
            cluster["survivor"],
            cluster["release"],
            context=30,
            max_places=12,
            max_place_words=80,
        )
        listed.append({**cluster, **texts})
    return {**found, "largest": listed}


def _shards(chain: Chain) -> Iterator[pa.Table]:
    """Yield what the report needs of each document that dedup saw."""
    columns = ["survivor", "survivor_release", "similarity", "near_miss", "verdict"]
    for shard in range(chain.shards):
        rows = np.flatnonzero(chain.upto(STAGE).live(shard)).astype(np.int64)
        ours = chain.read(STAGE, shard, columns).take(pa.array(rows))
        of = chain.read("ingest", shard, ["document_id", "source"]).take(pa.array(rows))
        verdict, miss = (ours.column(name).combine_chunks() for name in ("verdict", "near_miss"))
        why = pc.fill_null(reasons(verdict), "")
        yield pa.table(
            {
                "shard": pa.array(np.full(len(rows), shard, np.int64)),
                "row": pa.array(rows),
                "document_id": of.column("document_id"),
                "source": of.column("source"),
                "survivor": ours.column("survivor"),
                "release": ours.column("survivor_release"),
                "similarity": ours.column("similarity"),
                "exact": pc.equal(why, EXACT),
                "contained": pc.equal(why, CONTAINED),
                "miss": pc.struct_field(miss, "document_id"),
                "miss_release": pc.struct_field(miss, "release"),
                "miss_similarity": pc.struct_field(miss, "similarity"),
            }
        )


def _sources_of(batch: Batch, table: pa.Table, gone: pa.Table) -> dict[str, str]:
    """Return the source of every survivor, of this batch or published; one that is published no longer is not in the answer."""
    wanted = pc.unique(gone.column("survivor"))
    own = table.filter(pc.is_in(table.column("document_id"), wanted))
    found = dict(zip(own.column("document_id").to_pylist(), own.column("source").to_pylist(), strict=True))
    outside = [name for name in wanted.to_pylist() if name not in found]
    return found | {name: said.source for name, said in published(batch, outside).items()}


def _clusters(gone: pa.Table, sources: dict[str, str]) -> list[dict[str, Any]]:
    """Return every cluster, the largest first: survivor, size, sources, and the sample, its least similar member."""
    order = pc.sort_indices(
        gone, [("survivor", "ascending"), ("similarity", "ascending"), ("document_id", "ascending")]
    )
    rows = gone.take(order).select(
        ["survivor", "release", "source", "document_id", "similarity", "exact", "shard", "row"]
    )
    found: dict[str, dict[str, Any]] = {}
    for row in rows.to_pylist():
        name, own = row["survivor"], row["release"] is None
        if name not in found:  # the first one is the least similar
            found[name] = {
                "survivor": name,
                "source": sources.get(name),
                "release": row["release"],
                "documents": int(own),
                "exact": 0,
                "sources": Counter([sources[name]] if own and name in sources else []),
                "sample": {key: row[key] for key in ("document_id", "source", "similarity", "shard", "row")},
            }
        cluster = found[name]
        cluster["documents"] += 1
        cluster["exact"] += row["exact"]
        cluster["sources"][row["source"]] += 1
    listed = [{**cluster, "sources": dict(cluster["sources"].most_common())} for cluster in found.values()]
    return sorted(listed, key=lambda cluster: (-cluster["documents"], cluster["survivor"]))


def _by_source(manifest: Manifest, gone: pa.Table) -> list[dict[str, Any]]:
    """Return for each source what was read and what was removed, by kind; the contained ones are among the near ones."""
    kinds = Counter(
        zip(
            gone.column("source").to_pylist(),
            gone.column("exact").to_pylist(),
            pc.is_valid(gone.column("release")).to_pylist(),
            strict=True,
        )
    )
    contained = Counter(gone.filter(gone.column("contained")).column("source").to_pylist())
    return [
        {
            "source": count.source,
            "read": count.read,
            "kept": count.kept,
            "exact": kinds[count.source, True, False],
            "near": kinds[count.source, False, False],
            "published_exact": kinds[count.source, True, True],
            "published_near": kinds[count.source, False, True],
            "contained": contained[count.source],
        }
        for count in manifest.counts
    ]


def _losses(gone: pa.Table, sources: dict[str, str]) -> list[dict[str, Any]]:
    """Return which source lost how many documents to which, the most first."""
    names = gone.column("survivor").to_pylist()
    outside = pc.is_valid(gone.column("release")).to_pylist()
    pairs = Counter(
        (source, sources.get(name), is_published)
        for source, name, is_published in zip(gone.column("source").to_pylist(), names, outside, strict=True)
    )
    ordered = sorted(pairs.items(), key=lambda item: (-item[1], item[0][0], item[0][1] or "", item[0][2]))
    return [
        {"loser": loser, "winner": winner, "published": is_published, "documents": count}
        for (loser, winner, is_published), count in ordered
    ]


def _sizes(clusters: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return how many clusters there are of which size, in bins that double: 1 (one document and a published one), 2, 3-4, 5-8, ..."""
    bins = Counter((cluster["documents"] - 1).bit_length() for cluster in clusters)
    documents: Counter[int] = Counter()
    for cluster in clusters:
        documents[(cluster["documents"] - 1).bit_length()] += cluster["documents"]
    return [
        {
            "from": (1 << power - 1) + 1 if power else 1,
            "to": 1 << power,
            "clusters": bins[power],
            "documents": documents[power],
        }
        for power in range(min(bins, default=0), max(bins, default=-1) + 1)
    ]


def _near(manifest: Manifest, gone: pa.Table, misses: pa.Table, threshold: float) -> dict[str, Any]:
    """Return documents by similarity around the threshold: above it with their survivor, below it with their nearest one."""
    above = gone.filter(
        pc.and_not(
            pc.less(gone.column("similarity"), threshold + MARGIN),
            pc.or_(gone.column("exact"), gone.column("contained")),
        )
    )
    known = "near_miss:" in manifest.columns
    below = pa.table(
        {
            "document_id": misses.column("document_id"),
            "source": misses.column("source"),
            "survivor": misses.column("miss"),
            "release": misses.column("miss_release"),
            "similarity": misses.column("miss_similarity"),
        }
    )
    plan = Plan(int(manifest.metrics["bands"] or 0), int(manifest.metrics["rows_per_band"] or 0))
    width = MARGIN / (BINS // 2)
    return {
        "margin": MARGIN,
        "below_known": known,
        "share_compared": {"lowest": plan.catch(threshold - MARGIN), "threshold": plan.catch(threshold)},
        "bins": [
            *(_bins(below, threshold - MARGIN, width, "stays") if known else ()),
            *_bins(above, threshold, width, "removed"),
        ],
        "below": _pairs(below, "descending"),
        "above": _pairs(above, "ascending"),
    }


def _bins(table: pa.Table, start: float, width: float, outcome: str) -> list[dict[str, Any]]:
    values: npt.NDArray[np.float64] = table.column("similarity").to_numpy()
    # A similarity is a fraction, a bin's edge a sum of floats: a value on the edge belongs to the bin above it.
    place = np.clip(np.floor((values - start) / width + 1e-9), 0, BINS // 2 - 1).astype(np.int64)
    counts = np.bincount(place, minlength=BINS // 2).tolist()
    return [
        {
            "from": round(start + i * width, 6),
            "to": round(start + (i + 1) * width, 6),
            "documents": n,
            "outcome": outcome,
        }
        for i, n in enumerate(counts)
    ]


def _pairs(table: pa.Table, order: str) -> list[dict[str, Any]]:
    """Return the pairs next to the threshold."""
    first = pc.sort_indices(table, [("similarity", order), ("document_id", "ascending")])[:NEAREST]
    return list(table.take(first).select(["document_id", "source", "survivor", "release", "similarity"]).to_pylist())
