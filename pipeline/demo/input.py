"""The demo's input: real text that every machine with this project has, in the form in which sources give it.

- `licensed_content` (Parquet): long descriptions and licence files of the installed Python packages, with the licence that their
  metadata states, the docstrings of their modules, and Debian's copyright files where there are any.
- `web_crawl` (WARC): the documentation of the standard library, rendered by `pydoc`, served on loopback and captured over HTTP.
- `social_feeds` (JSONL): entries of changelogs, short and signed messages: of Debian packages where there are any, else of the
  change logs and news files that packages install.

Nothing is invented: duplicates (one licence text comes with many packages) and personal data (maintainers' addresses) are natural. The
order is fixed, and what is taken is bounded.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.demo import capture, machine_text
from pipeline.errors import UserError
from pipeline.sources.files import format_of

MAX_LICENSED, MAX_PAGES, MAX_POSTS = 1_800, 160, 900
"""Documents taken at most, by source: enough to see everything, little enough for a first run."""

MIN_DOCUMENTS = 1_000

LICENSED_SCHEMA = pa.schema([(name, pa.string()) for name in ("id", "url", "license", "date", "text")])


class InputReport(NamedTuple):
    """What was put into place."""

    folder: Path
    documents: dict[str, int]
    """Records by source."""

    def __str__(self) -> str:
        counts = ", ".join(f"{name} {count:,}" for name, count in self.documents.items())
        return f"{sum(self.documents.values()):,} records in {self.folder} ({counts})"


def make_input(folder: Path) -> InputReport:
    """Write the demo's input to ``folder/<source>/``, anew.

    Raises
    ------
    UserError
        If the machine holds less text than the demo needs.
    """
    counts = {
        "licensed_content": _parquet(folder / "licensed_content", islice(machine_text.licensed(), MAX_LICENSED)),
        "web_crawl": capture.capture_pages(_fresh(folder / "web_crawl") / "pydoc.warc.gz", MAX_PAGES),
        "social_feeds": _jsonl(folder / "social_feeds", islice(machine_text.posts(), MAX_POSTS)),
    }
    if sum(counts.values()) < MIN_DOCUMENTS:
        raise UserError(
            f"only {sum(counts.values()):,} texts were found on this machine, the demo wants {MIN_DOCUMENTS:,}: "
            "give a folder of your own with `make demo INPUT=folder`"
        )
    return InputReport(folder, counts)


def use_folder(own: Path, folder: Path) -> InputReport:
    """Put a user's own files into place instead: WARC as `web_crawl`, JSONL and Parquet as `licensed_content`.

    Files are copied, so that the batch is what it was. A source without any file gets an empty one.

    Raises
    ------
    UserError
        If the folder holds no file of a known format.
    """
    files = sorted(path for path in own.rglob("*") if path.is_file() and not path.is_symlink())
    kinds = {path: format_of(path.name) for path in files}
    if not any(kinds.values()):
        raise UserError(f"{own} holds no .jsonl, .parquet or .warc file; docs/sources.md has the formats")
    counts = {}
    for name, wanted in (("licensed_content", ("jsonl", "parquet")), ("web_crawl", ("warc",)), ("social_feeds", ())):
        place = _fresh(folder / name)
        mine = [path for path in files if kinds[path] in wanted]
        for path in mine:
            target = place / path.relative_to(own)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
        if not mine:
            (place / "none.jsonl").touch()
        counts[name] = len(mine)
    return InputReport(folder, counts)


def _fresh(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _parquet(folder: Path, rows: Iterable[dict[str, Any]]) -> int:
    table = pa.Table.from_pylist(list(rows), LICENSED_SCHEMA)
    pq.write_table(table, _fresh(folder) / "packages.parquet", compression="zstd")
    return table.num_rows


def _jsonl(folder: Path, rows: Iterator[dict[str, Any]]) -> int:
    count = 0
    with (_fresh(folder) / "changes.jsonl").open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
            count += 1
    return count
