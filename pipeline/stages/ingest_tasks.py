"""What ingest's workers read: the files of a batch, grouped and cut to tasks of about equal size."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import groupby
from typing import Any, NamedTuple

from pipeline.batch import InputFile
from pipeline.source import Source
from pipeline.sources.access import OPEN, Access
from pipeline.sources.files import SourceFile
from pipeline.sources.parts import Part, cut, meet
from pipeline.sources.split import plan_tasks
from pipeline.work import Work

TASK_BYTES = 64 * 2**20
"""Input that one task takes, unless a single file is larger and cannot be cut."""


class Share(NamedTuple):
    """A file of the batch's input, or a part of it."""

    entry: InputFile
    part: Part | None = None

    @property
    def source(self) -> str:
        """The source's name."""
        return self.entry.source

    @property
    def path(self) -> str:
        """The file's path in its source."""
        return self.entry.path

    @property
    def size(self) -> int:
        """Bytes to read."""
        return self.part.end - self.part.start if self.part else self.entry.size

    @property
    def name(self) -> tuple[str, str]:
        """Source and path, which name the file in the batch."""
        return self.entry.source, self.entry.path

    @property
    def begins(self) -> bool:
        """Whether the file begins with it."""
        return self.part is None or self.part.number == 0

    def opened(self, access: Access = OPEN) -> SourceFile:
        """Return it in the form that readers take."""
        return self.entry.opened(access, self.part)

    def check(self, file: SourceFile) -> None:
        """Make sure that what was read is what the batch was opened with.

        Raises
        ------
        SourceChanged
            If it is not.
        """
        if file.sha256(self.part) != (self.part.sha256 if self.part else self.entry.sha256):
            raise file.changed()


class Task(NamedTuple):
    """What one worker reads, all of one source."""

    source: Source
    shares: tuple[Share, ...]


def read_all(
    work: Work, access: Mapping[str, Access], read: Callable[[Task], str]
) -> Iterator[tuple[Task, dict[str, Any]]]:
    """Have workers read the batch's input; yield the tasks, in an order that only the input decides, with their answers.

    A file whose parts do not meet is read once more as one; what was written of its parts is left behind.

    Parameters
    ----------
    read
        Reads a task, on a worker. Its answer's `stopped` says where reading a part stopped, None where that is certain.
    """
    tasks = plan(work, access)
    done = list(zip(tasks, work.on_workers(tasks, read), strict=True))
    whole = {share.name: Task(task.source, (Share(share.entry),)) for task, share in _apart(done)}
    again = dict(zip(whole, work.on_workers(list(whole.values()), read) if whole else [], strict=True))
    for task, answer in done:
        first = task.shares[0]
        if first.part is None or first.name not in whole:
            yield task, answer
        elif first.begins:
            yield whole[first.name], again[first.name]


def plan(work: Work, access: Mapping[str, Access]) -> list[Task]:
    """Group the batch's input to tasks, source by source; a file that is much larger than a task is cut where that can be done.

    A part is a task of its own.
    """
    sources = {source.name: source for source in work.batch.settings.ingestion.sources}
    inputs = [file for file in work.batch.record.inputs if file.source in sources]
    large = [file for file in inputs if file.size >= 2 * TASK_BYTES]
    survey = partial(_cut, access=access, target_bytes=TASK_BYTES)
    found = work.on_workers([(sources[file.source], file) for file in large], survey) if large else []
    parts = {Share(file).name: [Part(*part) for part in each] for file, each in zip(large, found, strict=True)}
    tasks = []
    for source in sources.values():
        own = [Share(file) for file in inputs if file.source == source.name]
        shares = [
            part
            for share in own
            for part in [Share(share.entry, part) for part in parts.get(share.name, ())] or [share]
        ]
        for group in plan_tasks(shares, TASK_BYTES):
            tasks += [Task(source, tuple(run)) for _, run in groupby(group, key=lambda share: share.part)]
    return tasks


def _cut(task: tuple[Source, InputFile], access: Mapping[str, Access], target_bytes: int) -> str:
    """Return a file's parts (on a worker)."""
    source, entry = task
    return json.dumps(cut(source, entry.opened(access.get(source.name, OPEN)), entry.sha256, target_bytes))


def _apart(done: Sequence[tuple[Task, dict[str, Any]]]) -> Iterator[tuple[Task, Share]]:
    """Yield the tasks and shares that a file begins with whose parts do not meet."""
    for _, group in groupby(done, key=lambda each: each[0].shares[0].name):
        read = [(task, task.shares[0], answer["stopped"]) for task, answer in group]
        parts = [share.part for _, share, _ in read if share.part is not None]
        if parts and not meet(parts, [stopped for _, _, stopped in read]):
            yield read[0][0], read[0][1]
