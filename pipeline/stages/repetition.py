"""What dedup does between signing and comparing where `dedup.repetition` asks for it: find what documents of one source have in common.

The worker that signs a shard leaves the passages of its documents in scratch files. The driver adds them up, and workers mark the repeated
ones; text is read again only where something is to be cut.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.dedup.repetition import Counts, mark, merge, with_cuts
from pipeline.lake.release import Signing
from pipeline.lake.snapshots import Chain
from pipeline.lake.store import Store
from pipeline.settings import Dedup
from pipeline.stages.scratch import read_columns, read_scratch, rows_of, write_columns, write_scratch
from pipeline.stages.signed import ShardScratch, as_lists, matrix, sign
from pipeline.text.arrow import one
from pipeline.text.cuts import without
from pipeline.text.lines import Passages
from pipeline.work import Work

BLOCK_PASSAGES = 20_000_000
"""Counted passages that the driver adds up at once: half a gigabyte."""

_SPAN = 2**64


def mark_shards(work: Work, files: list[ShardScratch], signings: Sequence[Signing]) -> list[str]:
    """Add the column `repetition` to the signed documents, with new signatures where something is cut; return their files."""
    rule = work.batch.settings.dedup.repetition
    counts = [file.counts for file in files if file.counts is not None]
    if rule.policy == "ignore" or not counts:
        return [file.signed for file in files]
    lake = work.batch.lake
    repeated = write_columns(lake, work.folder, "repeated", add_up(lake, counts, rule.documents))
    task = partial(
        mark_shard,
        chain=work.chain,
        settings=work.batch.settings.dedup,
        folder=work.folder,
        repeated=repeated,
        signings=signings,
    )
    names = work.on_workers(list(enumerate(files)), task)
    for name in (repeated, *counts, *(name for file in files for name in (file.signed, file.passages) if name)):
        lake.remove(name)
    return names


def add_up(lake: Store, names: list[str], least: int) -> Counts:
    """Add up the counts of all shards, a part of all hashes at a time, and leave out what stands in fewer than `least` documents."""
    rounds = max(1, -(-sum(rows_of(lake, name) for name in names) // BLOCK_PASSAGES))
    edges = [_SPAN * i // rounds for i in range(rounds + 1)]
    return merge(
        merge((_between(read_columns(lake, name, Counts), first, last) for name in names), least)
        for first, last in pairwise(edges)
    )


def mark_shard(
    task: tuple[int, list[str]], chain: Chain, settings: Dedup, folder: str, repeated: str, signings: Sequence[Signing]
) -> str:
    """Mark and cut the documents of one shard (on a worker) and return the name of the file with the signed documents."""
    shard, files = task
    file = ShardScratch(*files)
    table = read_scratch(chain.lake, file.signed)
    found = read_columns(chain.lake, str(file.passages), Passages)
    many = read_columns(chain.lake, repeated, Counts)
    marked = mark(found, table.column("bytes").to_numpy(), many)
    if settings.repetition.policy == "cut" and len(many.hashes):
        texts = one(chain.texts(shard).take(table.column("row")))
        marked = with_cuts(marked, found, texts, one(table.column("document_id")), many)
        table = _signed_anew(table, texts, pc.struct_field(marked, "cuts"), signings)
    return json.dumps(
        write_scratch(chain.lake, folder, f"signed-{shard:05d}", table.append_column("repetition", marked))
    )


def _signed_anew(table: pa.Table, texts: pa.Array, cuts: pa.Array, signings: Sequence[Signing]) -> pa.Table:
    """Return signed documents with the signatures of what is left of those that are cut."""
    rows = np.flatnonzero(cuts.is_valid().to_numpy(zero_copy_only=False))
    fresh = sign(without(texts.take(pa.array(rows)), cuts.take(pa.array(rows))), signings)
    hashes, usable = matrix(table.column("bands")).copy(), table.column("usable").to_numpy().copy()
    hashes[rows], usable[rows] = fresh.hashes, fresh.usable
    names = table.column_names
    return table.set_column(names.index("bands"), "bands", as_lists(hashes)).set_column(
        names.index("usable"), "usable", pa.array(usable)
    )


def _between(counts: Counts, first: int, last: int) -> Counts:
    """Return the counts whose hashes lie between two bounds, the upper one excluded."""
    start = int(np.searchsorted(counts.hashes, np.uint64(first)))
    end = len(counts.hashes) if last >= _SPAN else int(np.searchsorted(counts.hashes, np.uint64(last)))
    return Counts(counts.hashes[start:end], counts.documents[start:end], counts.keepers[start:end])
