"""Grouping a source's files, or parts of files, into tasks of about equal size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

from pipeline.errors import ContractViolation

if TYPE_CHECKING:
    from collections.abc import Sequence


class Readable(Protocol):
    """A file or a part of one: its source, its path there, and the bytes to read."""

    @property
    def source(self) -> str:
        """The source's name."""

    @property
    def path(self) -> str:
        """Relative to the source."""

    @property
    def size(self) -> int:
        """Bytes to read."""


R = TypeVar("R", bound=Readable)


def plan_tasks(files: Sequence[R], target_bytes: int) -> list[list[R]]:
    """Return the files in runs of consecutive paths, each about `target_bytes` long (a larger file is a task of its own).

    Parts of a file stay in the order in which they are given. The result depends on the files' paths and sizes alone, so that a batch that is planned again has the same tasks.

    Raises
    ------
    ContractViolation
        If the files are of more than one source, or `target_bytes` is not positive.
    """
    if len({file.source for file in files}) > 1:
        raise ContractViolation("plan_tasks takes the files of one source: shards of different sources must not mix")
    if target_bytes <= 0:
        raise ContractViolation(f"target_bytes must be positive, not {target_bytes}")
    tasks: list[list[R]] = []
    size = 0
    for file in sorted(files, key=lambda file: file.path):
        if not tasks or size + file.size > target_bytes:
            tasks.append([])
            size = 0
        tasks[-1].append(file)
        size += file.size
    return tasks
