"""The demonstration's input: three sources of real text from this machine, or a folder of the user's own.

Nothing is invented and nothing is fetched from elsewhere: `packages`, `posts` and `capture` say where each text comes from.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import platform
import threading
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from pipeline.demo.capture import capture
from pipeline.demo.packages import Entry, licensed_entries
from pipeline.demo.posts import Post, posts
from pipeline.errors import UserError
from pipeline.source import Source
from pipeline.sources.files import list_files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

VERSION = 1
"""Raised when other text is chosen, so that an input made before is made anew."""
MOST = {"description": 500, "docstring": 600, "copyright": 150, "license": 500, "dated": 600, "undated": 900}
"""Documents of a kind."""
MOST_PAGES = 260
MOST_PAGE_BYTES = 12_000_000
PAGE_SECONDS = 15.0
_LONGEST = 60_000

_T = TypeVar("_T", Entry, Post)


@dataclass(frozen=True, slots=True)
class SourceCount:
    """What was written for one source.

    Attributes
    ----------
    documents
        Records (captured pages for the web).
    bytes
        Size of the file.
    file
        Its place under the folder.
    sha256
        Its digest.
    """

    documents: int
    bytes: int
    file: str
    sha256: str


@dataclass(frozen=True, slots=True)
class InputReport:
    """What the input consists of, by source; `reused` if an input made before was found unchanged."""

    sources: dict[str, SourceCount]
    seconds: float
    reused: bool = False

    @property
    def documents(self) -> int:
        """All documents."""
        return sum(count.documents for count in self.sources.values())


def make_input(folder: Path) -> InputReport:
    """Write ``folder/input/{web_crawl,licensed_content,social_feeds}/`` for a configuration with the three plain names in `folder`.

    Takes under 25 s: the web pages are captured while the rest is gathered, and only for `PAGE_SECONDS`. An input that was made before
    from the same packages and still has its digests is left as it is, so that a second run is the same batch.
    """
    started = time.monotonic()
    root = folder / "input"
    inventory = root / "inventory.json"
    made_from = _made_from()
    if (earlier := _earlier(inventory, root, made_from)) is not None:
        return InputReport(earlier, time.monotonic() - started, reused=True)
    pages: list[int] = []
    web = _place(root, "web_crawl", "pydoc.warc.gz")
    crawl = threading.Thread(target=lambda: pages.append(capture(web, MOST_PAGES, MOST_PAGE_BYTES, PAGE_SECONDS)))
    crawl.start()
    licensed = _place(root, "licensed_content", "packages.parquet")
    documents = write_licensed(licensed, licensed_entries())
    social = _place(root, "social_feeds", "changes.jsonl")
    messages = write_posts(social, posts())
    crawl.join()
    counts = {
        name: SourceCount(number, file.stat().st_size, file.relative_to(root).as_posix(), _sha256(file))
        for name, number, file in (
            ("social_feeds", messages, social),
            ("web_crawl", sum(pages), web),
            ("licensed_content", documents, licensed),
        )
    }
    inventory.write_text(
        json.dumps({"made_from": made_from, "sources": {k: asdict(v) for k, v in counts.items()}}, indent=1), "utf-8"
    )
    return InputReport(counts, time.monotonic() - started)


def use_folder(folder: Path, target: Path) -> list[dict[str, Any]]:
    """Write a configuration to `target` that reads a folder of the user's own; return its sources.

    WARC files become the source ``own_web``, JSON Lines and Parquet files ``own_files``.

    Raises
    ------
    UserError
        If the folder does not exist or holds no file of a known format.
    """
    if not folder.is_dir():
        raise UserError(f"there is no folder {folder}: name one that holds .jsonl, .parquet or .warc files")
    root = folder.resolve()
    listing = list_files(Source(name="own", kind="licensed", paths=(str(root),)))
    web = [file for file in listing.files if file.format == "warc"]
    rest = [file for file in listing.files if file.format != "warc"]
    if not listing.files:
        seen = f"{len(listing.unread)} file(s) of other kinds" if listing.unread else "no file"
        raise UserError(f"{folder} holds {seen}: put .jsonl, .parquet or .warc files (also compressed) there")
    sources: list[dict[str, Any]] = []
    for name, kind, files in (("own_web", "web", web), ("own_files", "licensed", rest)):
        if files:
            # One kind: the folder itself, so that files of other kinds are counted and reported. Both: each its own files.
            paths = [str(root)] if len(files) == len(listing.files) else [file.uri for file in files]
            sources.append({"name": name, "kind": kind, "paths": paths})
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(yaml.safe_dump({"data_pipeline": {"ingestion": {"sources": sources}}}, sort_keys=False), "utf-8")
    return sources


def write_licensed(file: Path, entries: Iterable[Entry]) -> int:
    """Write licensed documents as Parquet; return how many."""

    def kind(entry: Entry) -> str:
        last = entry.id.rpartition("/")[2]
        return last if last in MOST else "license"

    chosen = _choose([entry for entry in entries if len(entry.text) <= _LONGEST], kind)
    table = pa.table(
        {name: pa.array([getattr(entry, name) for entry in chosen], pa.string()) for name in Entry._fields}
    )
    pq.write_table(table, file, compression="zstd", row_group_size=500)
    return len(chosen)


def write_posts(file: Path, messages: Iterable[Post]) -> int:
    """Write messages as JSON Lines; return how many."""
    chosen = _choose(
        [post for post in messages if len(post.text) <= _LONGEST], lambda post: "dated" if post.date else "undated"
    )
    with file.open("w", encoding="utf-8") as stream:
        for post in chosen:
            stream.write(json.dumps(post._asdict(), ensure_ascii=False) + "\n")
    return len(chosen)


def _choose(items: list[_T], kind: Callable[[_T], str]) -> list[_T]:
    """Return at most `MOST` of each kind, drawn by a digest of the id, in the order given."""
    drawn = sorted(range(len(items)), key=lambda i: hashlib.sha256(items[i].id.encode("utf-8", "replace")).digest())
    taken: dict[str, int] = dict.fromkeys(MOST, 0)
    chosen = []
    for i in drawn:
        name = kind(items[i])
        taken[name] += 1
        if taken[name] <= MOST[name]:
            chosen.append(i)
    return [items[i] for i in sorted(chosen)]


def _place(root: Path, source: str, name: str) -> Path:
    """Return a file's place and empty its folder of earlier input."""
    folder = root / source
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).unlink(missing_ok=True)
    return folder / name


def _made_from() -> str:
    """Return a digest of what the input depends on: this module's version, Python and the installed packages."""
    packages = sorted({f"{d.name}=={d.version}" for d in importlib.metadata.distributions()})
    return hashlib.sha256(json.dumps([VERSION, platform.python_version(), os.name, packages]).encode()).hexdigest()


def _earlier(inventory: Path, root: Path, made_from: str) -> dict[str, SourceCount] | None:
    """Return the counts of an input made before, None if there is none, or it is of other packages or was changed."""
    try:
        data = json.loads(inventory.read_text("utf-8"))
        counts = {name: SourceCount(**fields) for name, fields in data["sources"].items()}
        same = data["made_from"] == made_from and all(_sha256(root / c.file) == c.sha256 for c in counts.values())
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return counts if same else None


def _sha256(file: Path) -> str:
    """Return a file's digest."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
