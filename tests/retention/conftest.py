"""Copies of the golden lake whose files were all changed last when its youngest release was made."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipeline.lake import format as formats
from tests.golden.lakes import Copy


def present(folder: Path) -> Copy:
    """Return a copy in the present format: its migration is no business of these tests."""
    copy = Copy(folder)
    formats.opened(copy.store)
    copy.touch(copy.born)
    return copy


@pytest.fixture
def golden(tmp_path: Path) -> Iterator[Copy]:
    yield present(tmp_path / "copy")
    formats._known.clear()


@pytest.fixture
def copies(tmp_path: Path) -> Iterator[Callable[[str], Copy]]:
    yield lambda name: present(tmp_path / name)
    formats._known.clear()
