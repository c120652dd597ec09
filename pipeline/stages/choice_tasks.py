"""The choice of dedup's survivors on the workers, where a batch has more verified pairs than the driver should hold the neighbours of."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from functools import partial

from pipeline.dedup.components import Gone, Part, choose_in_part
from pipeline.lake.store import Store
from pipeline.stages.scratch import read_columns, write_columns
from pipeline.work import Work


def choose_on_workers(work: Work, parts: Iterable[Part]) -> Iterator[Gone]:
    """Have survivors chosen, a task a part."""
    lake = work.batch.lake
    names = [write_columns(lake, work.folder, f"pairs-{i:05d}", part) for i, part in enumerate(parts)]
    answers = work.on_workers(names, partial(choose, lake=lake, folder=work.folder))
    for name, answer in zip(names, answers, strict=True):
        gone = read_columns(lake, answer, Gone)
        lake.remove(name)
        lake.remove(answer)
        yield gone


def choose(name: str, lake: Store, folder: str) -> str:
    """Choose in the part that a scratch file holds (on a worker) and return the name of the file with who goes."""
    return json.dumps(write_columns(lake, folder, "gone", choose_in_part(read_columns(lake, name, Part))))
