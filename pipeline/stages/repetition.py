"""The first half of dedup where `dedup.repetition` asks for it: which passages many documents of one source have in common.

Workers count the passages of their shard into scratch files; the driver adds them up, a part of all hashes at a time, and hands the
repeated ones to the workers that sign.
"""

from __future__ import annotations

import json
import uuid
from functools import partial
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.config import Repetition
from pipeline.dedup.repetition import Counts, count, mark, merge
from pipeline.lake.snapshots import Chain
from pipeline.lake.store import Store
from pipeline.text.arrow import one
from pipeline.text.cuts import without
from pipeline.work import Work

BLOCK_PASSAGES = 20_000_000
"""Counted passages that the driver adds up at once: half a gigabyte."""

_SPAN = 2**64


def find_repeated(work: Work) -> str | None:
    """Write the repeated passages of the batch to a scratch file and return its name; None if nobody asked for them."""
    rule = work.batch.settings.dedup.repetition
    if rule.policy == "ignore":
        return None
    names = work.on_workers(
        list(range(work.chain.shards)), partial(count_shard, chain=work.chain, rule=rule, folder=work.folder)
    )
    lake = work.batch.lake
    total = 0
    for name in names:
        with lake.open_input(name) as source:
            total += pq.ParquetFile(source).metadata.num_rows
    rounds = max(1, -(-total // BLOCK_PASSAGES))
    edges = [_SPAN * i // rounds for i in range(rounds + 1)]
    parts = [
        merge((_between(read_counts(lake, name), first, last) for name in names), rule.documents)
        for first, last in pairwise(edges)
    ]
    for name in names:
        lake.remove(name)
    return write_counts(lake, work.folder, merge(parts))


def count_shard(shard: int, chain: Chain, rule: Repetition, folder: str) -> str:
    """Count the passages of one shard's live documents (on a worker) and return the name of the scratch file."""
    rows = np.flatnonzero(chain.live(shard)).astype(np.int64)
    table = chain.documents(shard, ["document_id", "source", "text"], rows)
    texts, sources, ids = (one(table.column(name)) for name in ("text", "source", "document_id"))
    return json.dumps(write_counts(chain.lake, folder, count(texts, sources, ids, rule.characters)))


def marked(table: pa.Table, lake: Store, repeated: str | None, rule: Repetition) -> tuple[pa.Array, pa.Array | None]:
    """Return the texts of a shard's documents as they are compared, and their column `repetition`; None without the file `repeated`.

    `table` has the columns `document_id`, `source` and `text`.
    """
    texts = one(table.column("text"))
    if repeated is None:
        return texts, None
    sources, ids = one(table.column("source")), one(table.column("document_id"))
    cut = rule.policy == "cut"
    found = mark(texts, sources, ids, read_counts(lake, repeated), rule.characters, cut=cut)
    return (without(texts, pc.struct_field(found, "cuts")) if cut else texts), found


def write_counts(lake: Store, folder: str, counts: Counts) -> str:
    """Write counts to a scratch file and return its name."""
    name = f"{folder}/scratch-passages-{uuid.uuid4().hex[:8]}.parquet"
    table = pa.table({field: pa.array(values) for field, values in counts._asdict().items()})
    with lake.open_output(name) as sink:
        # Hashes do not compress, and no two are equal.
        pq.write_table(table, sink, compression="none", use_dictionary=False, write_statistics=False)
    return name


def read_counts(lake: Store, name: str) -> Counts:
    """Read what `write_counts` wrote."""
    with lake.open_input(name) as source:
        table = pq.read_table(source)
    hashes, documents, keepers = (table.column(field).to_numpy() for field in Counts._fields)
    return Counts(hashes, documents, keepers)


def _between(counts: Counts, first: int, last: int) -> Counts:
    """Return the counts whose hashes lie between two bounds, the upper one excluded."""
    start = int(np.searchsorted(counts.hashes, np.uint64(first)))
    end = len(counts.hashes) if last >= _SPAN else int(np.searchsorted(counts.hashes, np.uint64(last)))
    return Counts(counts.hashes[start:end], counts.documents[start:end], counts.keepers[start:end])
