"""How much of each source's text is repeated within the source, from what dedup wrote; never the text itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.lake.snapshots import Chain


def repeats(chain: Chain) -> list[dict[str, Any]]:
    """Return for each source its documents, those with repeated passages, their mean repeated share, and those that were cut.

    The example is the document with the largest repeated share, of several the one with the least id; null where none has any. Nothing is
    returned where dedup did not look for repetition.
    """
    tables = []
    for shard in range(chain.shards):
        rows = pa.array(np.flatnonzero(chain.upto("dedup").live(shard)))
        found = chain.read("dedup", shard, ["repetition"]).column(0).combine_chunks().take(rows)
        of = chain.read("ingest", shard, ["source", "document_id"]).take(rows)
        columns = {name: pc.struct_field(found, name) for name in ("passages", "share", "cuts")}
        tables.append(
            pa.table(
                {
                    "source": of.column("source"),
                    "document_id": of.column("document_id"),
                    "share": columns["share"],
                    "repeated": pc.greater(columns["passages"], 0),
                    "cut": pc.if_else(found.is_valid(), columns["cuts"].is_valid(), None),
                }
            )
        )
    table = pa.concat_tables(tables)
    table = table.filter(table.column("repeated").is_valid())
    largest = table.sort_by([("share", "descending"), ("document_id", "ascending")]).filter(pc.field("repeated"))
    examples: dict[str, str] = {}
    for source, name in zip(
        largest.column("source").to_pylist(), largest.column("document_id").to_pylist(), strict=True
    ):
        examples.setdefault(source, name)
    sums = table.group_by("source").aggregate(
        [("repeated", "sum"), ("share", "mean"), ("cut", "sum"), ("share", "count")]
    )
    return [
        {
            "source": row["source"],
            "documents": row["share_count"],
            "repeated": row["repeated_sum"],
            "share": row["share_mean"],
            "cut": row["cut_sum"],
            "example": examples.get(row["source"]),
        }
        for row in sums.sort_by("source").to_pylist()
    ]
