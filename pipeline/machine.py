"""What the machine has: memory, folders that exist, places that can be written."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def existing_folder(path: Path) -> Path:
    """Return the nearest folder on the way to `path` that exists."""
    full = path.absolute()
    return next(folder for folder in (full, *full.parents) if folder.is_dir())


def probe_folder(root: Path) -> Path:
    """Make and remove a file in the nearest existing folder."""
    if root.exists() and not root.is_dir():
        raise NotADirectoryError(20, "it is not a folder")
    place = existing_folder(root)
    with tempfile.NamedTemporaryFile(dir=place, prefix=".sluice-doctor-"):
        return place


def probe_uri(root: str) -> str:
    """Make and remove an object under a URI."""
    from fsspec.core import url_to_fs

    store, path = url_to_fs(root)
    name = f"{path.rstrip('/')}/.sluice-doctor-{os.getpid()}"
    store.makedirs(path, exist_ok=True)
    store.pipe_file(name, b"")
    store.rm_file(name)
    return root


def available_memory(
    meminfo: Path = Path("/proc/meminfo"), limit: Path = Path("/sys/fs/cgroup/memory.max")
) -> int | None:
    """Return the bytes that this process may still take; None where the system does not tell."""
    try:
        lines = dict(line.split(":", 1) for line in meminfo.read_text().splitlines())
        available = int(lines["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        return None
    try:
        used = int((limit.parent / "memory.current").read_text())
        # The page cache counts as used, though it is given back when memory is wanted.
        statistics = dict(line.split() for line in (limit.parent / "memory.stat").read_text().splitlines())
        return min(available, int(limit.read_text()) - used + int(statistics.get("inactive_file", 0)))
    except (OSError, ValueError):  # no container, or its limit is "max"
        return available
