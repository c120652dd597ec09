"""Social feeds: short signed messages that people wrote to other people, as found in change logs.

Entries of the change logs in packages' descriptions and in the standard library's news files, notes on changes in docstrings
(``.. versionchanged::``), and Debian's changelog entries, which end in a maintainer's name, address and date. They are terse and full
of lists and names: much of it is what a quality filter is for.
"""

from __future__ import annotations

import gzip
import re
import sysconfig
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pipeline.demo.packages import description_of, installed, read_text, source_files, top_level_modules

if TYPE_CHECKING:
    from collections.abc import Iterator

_VERSION = re.compile(r"^(?:#{1,4}\s*)?\[?v?(\d+\.\d+(?:\.\d+)?[\w.-]*)\]?(?=[\s(:,]|$).{0,80}$", re.MULTILINE)
_CHANGES = re.compile(
    r"^(?:#+\s*)?(?:change ?log|changes|release notes|release history|history|what.s new)\b",
    re.IGNORECASE | re.MULTILINE,
)
_NOTE = re.compile(
    r"^(?P<indent>[ \t]*)\.\. (?P<kind>versionadded|versionchanged|deprecated):: ?(?P<version>[^\n]*)\n(?P<body>(?:\n?(?P=indent)[ \t]+[^\n]+\n)+)",
    re.MULTILINE,
)
_SIGNATURE = re.compile(r"^ -- .*?<[^<>\n]*>  (?P<date>.*)$", re.MULTILINE)
_HEADING = re.compile(r"^(?P<package>[\w.+-]+) \((?P<version>[^)\n]+)\)", re.MULTILINE)
_FEWEST_WORDS = 8
_NOTES_PER_PACKAGE = 40
_ENTRIES_PER_FILE = 3
_LOG_BYTES = 64_000


class Post(NamedTuple):
    """One message."""

    id: str
    text: str
    date: str | None = None


def posts(debian: Path = Path("/usr/share/doc")) -> Iterator[Post]:
    """Yield messages by kind, each kind sorted."""
    yield from _described_changes()
    yield from _library_news()
    yield from _notes()
    for file in sorted(debian.glob("*/changelog.Debian.gz")):
        yield from debian_entries(file)


def release_entries(text: str) -> Iterator[tuple[str, str]]:
    """Yield (version, entry) of a change log: what stands between two lines that begin with a version."""
    heads = list(_VERSION.finditer(text))
    for head, following in zip(heads, [*heads[1:], None], strict=False):
        entry = text[head.start() : following.start() if following else len(text)].strip()
        if len(entry.split()) >= _FEWEST_WORDS:
            yield head[1], entry


def debian_entries(file: Path) -> Iterator[Post]:
    """Yield the newest entries of a Debian change log."""
    try:
        with gzip.open(file, "rt", encoding="utf-8") as stream:
            text = stream.read(_LOG_BYTES)
    except (OSError, EOFError, UnicodeDecodeError):
        return
    start = 0
    for _, signature in zip(range(_ENTRIES_PER_FILE), _SIGNATURE.finditer(text), strict=False):
        entry = text[start : signature.end()].strip()
        start = signature.end()
        if heading := _HEADING.match(entry):
            yield Post(f"{file.parent.name}/{heading['version']}", entry, signature["date"].strip())


def _described_changes() -> Iterator[Post]:
    """Yield entries of the change logs that packages append to their descriptions."""
    for package in installed():
        description = description_of(package.metadata)
        if section := _CHANGES.search(description):
            for version, entry in release_entries(description[section.end() :]):
                yield Post(f"{package.name}/{version}", entry)


def _library_news() -> Iterator[Post]:
    """Yield the items of the standard library's news files (IDLE's), each signed by who reported or fixed it."""
    for file in sorted(Path(sysconfig.get_path("stdlib")).glob("idlelib/*NEWS*.txt")):
        items = re.split(r"\n(?=- )|\n{2,}", read_text(file))
        for number, item in enumerate(items):
            message = " ".join(item.split()).removeprefix("- ")
            if len(message.split()) >= _FEWEST_WORDS:
                yield Post(f"{file.stem}/{number}", message)


def _notes() -> Iterator[Post]:
    """Yield notes on changes from docstrings, some a package."""
    for _, name, folder in top_level_modules():
        taken = 0
        for file in source_files(folder):
            if taken >= _NOTES_PER_PACKAGE:
                break
            text = read_text(file)
            for number, match in enumerate(_NOTE.finditer(text) if ".. version" in text else ()):
                body = " ".join(textwrap.dedent(match["body"]).split())
                if len(body.split()) >= _FEWEST_WORDS and '"""' not in body:
                    taken += 1
                    module = ".".join((name, *file.relative_to(folder).with_suffix("").parts))
                    yield Post(f"{module}/{number}", f"{name} {match['version'].strip()}: {body}")
