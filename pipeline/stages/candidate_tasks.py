"""Dedup's candidates, read, redacted and shingled on the workers: redaction takes a thousand times as long as a comparison."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.dedup.gathered import NO_KEYS, Comparable, across, within
from pipeline.dedup.sides import Form
from pipeline.document import REPETITION
from pipeline.lake.snapshots import Chain
from pipeline.settings import Settings
from pipeline.stages.redacted import redaction_of
from pipeline.stages.scratch import read_scratch, write_scratch
from pipeline.stages.signed import Rows, Signed
from pipeline.text.arrow import one
from pipeline.text.cuts import without
from pipeline.text.shingles import ShingleSets
from pipeline.work import INLINE, Work, master_of

FEW = 2_000
"""Candidates up to which starting tasks costs more than it saves."""

_KEYS = ("key_0", "key_1")


def pieces_on_workers(work: Work, signed: Signed, rows: Rows, form: Form) -> Iterator[Comparable] | None:
    """Have the workers read some documents, a task a shard; None if there are few of them, or no workers."""
    if len(rows) <= FEW or master_of(work.batch) == INLINE:
        return None
    return _pieces(work, signed, rows, form)


def _pieces(work: Work, signed: Signed, rows: Rows, form: Form) -> Iterator[Comparable]:
    lake, settings = work.batch.lake, work.batch.settings
    tasks = []
    for shard in np.unique(signed.shards[rows]).tolist():
        mine = rows[signed.shards[rows] == shard]
        cuts = pa.nulls(len(mine), REPETITION.field("cuts").type)
        if signed.repetition is not None:
            cuts = pc.struct_field(signed.repetition, "cuts").take(pa.array(mine))
        wanted = pa.table({"row": signed.rows[mine], "cuts": cuts})
        tasks.append((shard, write_scratch(lake, work.folder, f"wanted-{shard:05d}", wanted)))
    function = partial(prepare_shard, chain=work.chain, settings=settings, folder=work.folder, form=form)
    for (_, wanted), name in zip(tasks, work.on_workers(tasks, function), strict=True):
        table = read_scratch(lake, name)
        lake.remove(wanted)
        lake.remove(name)
        lists = one(table.column("hashes"))
        keys = np.column_stack([table.column(name).to_numpy() for name in _KEYS]) if form != "raw" else NO_KEYS
        yield Comparable(keys, ShingleSets(lists.values.to_numpy(), lists.offsets.to_numpy()))


def prepare_shard(task: tuple[int, str], chain: Chain, settings: Settings, folder: str, form: Form) -> str:
    """Read, cut, redact if the form asks for it and shingle documents of one shard (on a worker); return the name of the scratch file with what is compared.

    The file holds hashes; no text.
    """
    shard, wanted = task
    table = read_scratch(chain.lake, wanted)
    texts = without(one(chain.texts(shard).take(table.column("row"))), one(table.column("cuts")))
    shingling = settings.dedup.shingling
    if form == "raw":
        found = within(texts, shingling)
    else:
        found = across(redaction_of(settings).as_compared(texts, form), shingling)
    lists = pa.LargeListArray.from_arrays(pa.array(found.sets.offsets), pa.array(found.sets.hashes))
    answer = pa.table({"hashes": lists})
    if form != "raw":
        for name, half in zip(_KEYS, found.keys.T, strict=True):
            answer = answer.append_column(name, pa.array(half))
    return json.dumps(write_scratch(chain.lake, folder, f"compared-{shard:05d}", answer))
