"""What decides whether a result may be reused: digests of code, libraries and plain data.

A fingerprint never sees a clock, a position, an absolute path or `hash()`.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
from functools import lru_cache
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).parent


def digest(data: Any) -> str:
    """Return the sha256 of plain data as canonical JSON."""
    return hashlib.sha256(json.dumps(data, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


@lru_cache
def code_digest(places: tuple[str, ...]) -> str:
    """Return a digest of the source below `places`: files or folders of this package, e.g. ``("text", "stages/pii.py")``."""
    whole = hashlib.sha256()
    for place in places:
        root = PACKAGE / place
        files = (
            [root]
            if root.is_file()
            else sorted(p for p in root.rglob("*") if p.suffix in {".py", ".json", ".jsonl", ".j2", ".npz"})
        )
        for file in files:
            whole.update(file.relative_to(PACKAGE).as_posix().encode() + b"\0")
            whole.update(hashlib.sha256(file.read_bytes()).digest())
    return whole.hexdigest()


@lru_cache
def library_versions(names: tuple[str, ...]) -> dict[str, str]:
    """Return the installed versions of distributions whose behaviour decides a stage's result."""
    return {name: importlib.metadata.version(name) for name in names}
