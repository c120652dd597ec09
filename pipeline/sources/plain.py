"""Plain text and Markdown: one file is one document.

Front matter, the block of YAML between lines of ``---`` or of TOML between lines of ``+++`` that a file may begin with, says what the
document's other fields are, by the same names as in JSON Lines. Without it a Markdown file's first heading is its title, and a line with
``SPDX-License-Identifier:`` near the beginning its licence (SPDX specification 3.0, annex "Using SPDX short identifiers in source files").
"""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Any

import yaml

from pipeline.sources.consent import stated
from pipeline.sources.dates import parse_date
from pipeline.sources.jsonl import field_of, record_of
from pipeline.sources.rows import Record, Tally
from pipeline.sources.streams import Damaged, decompressed
from pipeline.verdict import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.source import Source
    from pipeline.sources.files import SourceFile

_MARKS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_FRONT = re.compile(
    r"(?P<fence>---|\+\+\+)[ \t]*\r?\n(?P<block>.{0,65536}?)^(?P=fence)[ \t]*(?:\r?\n|\Z)", re.DOTALL | re.MULTILINE
)
_HEADING = re.compile(r"\s*#[ \t]+(\S[^\r\n]{0,1000})")
_SPDX = re.compile(r"SPDX-License-Identifier:[ \t]*([A-Za-z0-9.+() -]{1,200}[A-Za-z0-9.+)])")
_MOST_PARTS = 256
"""Dots in a line of TOML."""
_HEAD = 2_048
"""Characters in which a licence line is looked for."""


def read_text(source: Source, file: SourceFile, tally: Tally) -> Iterator[Record]:
    """Yield the file's one record."""
    whole = read_whole(source, file, tally)
    if whole.finding is None:
        content = whole.content
        mark, charset = next(((mark, name) for mark, name in _MARKS if content.startswith(mark)), (b"", "utf-8"))
        try:
            whole = _document(source, content, content[len(mark) :].decode(charset))
        except UnicodeDecodeError:
            whole.finding = Finding("ingest.undecodable_text@1", evidence=charset)
    yield whole


def read_whole(source: Source, file: SourceFile, tally: Tally) -> Record:
    """Return a record with all bytes of a file, decompressed, or what is wrong with them; it may be as large as a record may."""
    tally.records += 1
    parts: list[bytes] = []
    damage = None
    with file.open() as stream:
        try:
            for block in decompressed(stream, source.max_expansion):
                parts.append(block)
                tally.bytes += len(block)
                if tally.bytes > source.max_record_bytes:
                    break
        except Damaged as error:
            damage = error.finding
    if tally.bytes > source.max_record_bytes:
        large = Finding("ingest.record_too_large@1", tally.bytes, source.max_record_bytes)
        return Record(0, b"", finding=large, digest=tally.file_digest(file), size=file.size)
    return Record(0, b"".join(parts), finding=damage)


def _document(source: Source, content: bytes, text: str) -> Record:
    """Return the record of a file's text."""
    fields, body = front_matter(text)
    value = {**fields, source.text_field: body}
    if field_of(value, source.license_field) is None:
        value[source.license_field] = fields.get("licence", fields.get("license"))
    record = record_of(source, 0, content, value)
    # A text's date is when it was written, not when somebody fetched it.
    record.published_at = record.published_at or parse_date(field_of(value, source.date_field))
    record.fetched_at = None
    if record.title is None and (heading := _HEADING.match(body)):
        record.title = heading[1].rstrip("# \t")
    if record.terms.license is None and (spdx := _SPDX.search(text, 0, _HEAD)):
        record.terms = stated(spdx[1], "text:spdx")
    return record


class _Loader(yaml.SafeLoader):
    """The safe loader without merge keys (``<<``): each may hold what the one before it holds, twice."""

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Refuse a merge key."""
        if any(key.tag == "tag:yaml.org,2002:merge" for key, _ in node.value):
            raise yaml.constructor.ConstructorError(problem="merge key", problem_mark=node.start_mark)
        super().flatten_mapping(node)


def _toml(block: str) -> dict[str, Any]:
    """Return what a block of TOML says; tomllib takes the square of a key's parts, in time and memory."""
    if any(line.count(".") > _MOST_PARTS for line in block.split("\n")):
        raise ValueError("too many parts of a key")
    return tomllib.loads(block)


def front_matter(text: str) -> tuple[dict[str, Any], str]:
    r"""Return a text's front matter and what follows it; what only looks like one is text.

    >>> front_matter("---\ntitle: A\n---\nB")
    ({'title': 'A'}, 'B')
    """
    match = _FRONT.match(text)
    if match is None:
        return {}, text
    try:
        parsed = (
            _toml(match["block"].replace("\r\n", "\n"))
            if match["fence"] == "+++"
            else yaml.load(match["block"], _Loader)  # noqa: S506 - it is the safe one
        )
    except (yaml.YAMLError, tomllib.TOMLDecodeError, ValueError, RecursionError):
        return {}, text
    if not isinstance(parsed, dict):
        return {}, text
    return {key: value for key, value in parsed.items() if isinstance(key, str)}, text[match.end() :]
