"""From what a reader found to rows: normalised, addressed, digested, judged, in Arrow batches.

Every record that a reader yields becomes exactly one row. The reader counts its records on its own (`Tally`), by other means than
the rows, so that a lost or invented row shows.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa

from pipeline.document import INGEST, RAW, document_id, subject_id, text_digest
from pipeline.sources.consent import UNSTATED, Terms, stated
from pipeline.sources.wishes import written
from pipeline.text.normalize import normalise
from pipeline.verdict import Finding, outcome, verdict_array

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from pipeline.source import Source
    from pipeline.sources.files import SourceFile

CHUNK_ROWS = 1_000
"""Rows of a chunk: `mapInArrow` is fastest with 500 to 2,000."""
CHUNK_BYTES = 16 * 2**20
"""Bytes of text and raw content after which a chunk ends early."""
_WITHHELD = frozenset({"ingest.private_message@1", "ingest.deleted@1"})
"""Reasons for which neither text nor record is kept, not even for replay."""
_LONGEST_FIELD = 4_096
"""Characters of an address or a native id that are kept; the document's id is made of the whole."""


class Post(NamedTuple):
    """What makes a record a post: whose it is, what it answers, which version it is. The addresses become digests (`POST`).

    Attributes
    ----------
    address
        The post's own address, whole; the record's `uri` and `record_id` are written without its author.
    author, reply_to, thread
        Addresses of the author, of the post it answers, of its thread's first post; None where unknown or none.
    version_at
        When this version was made, or seen.
    """

    address: str
    author: str | None = None
    reply_to: str | None = None
    thread: str | None = None
    version_at: datetime | None = None


@dataclass(slots=True)
class Record:
    """What a reader found: one unit of the source, before it is judged.

    Attributes
    ----------
    offset
        Byte offset (WARC) or zero-based line or row.
    content
        The raw content. Empty for a record that was too large to hold; `digest` and `size` stand for it.
    text
        The text as found, None where there is none.
    finding
        Why there is no text, or why it may not be used, where the reader knows.
    title
        As found; kept with the raw text only.
    canonical_uri, published_at, language_hint
        What the record says of itself; a language in BCP 47.
    rights_holder, agreement
        Where the record names them; else the source's.
    post
        Set where the record is a post of a social feed.
    digest, size
        sha256 and length in bytes of a content that is not held.
    """

    offset: int
    content: bytes
    text: str | None = None
    uri: str | None = None
    record_id: str | None = None
    fetched_at: datetime | None = None
    title: str | None = None
    canonical_uri: str | None = None
    published_at: datetime | None = None
    language_hint: str | None = None
    rights_holder: str | None = None
    agreement: str | None = None
    terms: Terms = UNSTATED
    finding: Finding | None = None
    post: Post | None = None
    digest: str | None = None
    size: int | None = None


@dataclass(slots=True)
class Tally:
    """A reader's own count of a file.

    Attributes
    ----------
    records
        Units that must each become a row.
    other
        Units that are no records: blank lines, WARC requests and information, likes and follows.
    bytes
        Bytes read after decompression of the file (JSONL), or the file's size.
    kinds
        `other` by kind, where the reader tells kinds apart; names of ours, never of the data.
    deleted
        Addresses of posts and authors that the file says were deleted.
    stopped
        Where the first thing begins that was not read, where only that tells whether a part of a file was cut rightly.
    """

    records: int = 0
    other: int = 0
    bytes: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    deleted: set[str] = field(default_factory=set)
    stopped: int | None = None
    _digest: str | None = None

    def pass_over(self, kind: str) -> None:
        """Take a unit that was counted as a record out of the records again: it is none, but something of a kind."""
        self.records -= 1
        self.other += 1
        self.kinds[kind] += 1

    def file_digest(self, file: SourceFile) -> str:
        """Return the digest of the file's bytes, which stands for content that cannot be read; taken once, however much is damaged."""
        if self._digest is None:
            self._digest = file.sha256()
        return self._digest


class FileChunk(NamedTuple):
    """Some rows of a file: the text and raw content apart from the other columns, row by row the same records."""

    raw: pa.RecordBatch
    columns: pa.RecordBatch


@dataclass(slots=True)
class ChunkBuilder:
    """Turns records into chunks of `CHUNK_ROWS` rows or `CHUNK_BYTES` bytes."""

    source: Source
    file: SourceFile
    errors: Counter[str] = field(default_factory=Counter)
    """Failed records by class of error."""
    _raw: list[dict[str, Any]] = field(default_factory=list)
    _rows: list[dict[str, Any]] = field(default_factory=list)
    _findings: list[list[Finding]] = field(default_factory=list)
    _bytes: int = 0

    def add(self, record: Record) -> Iterator[FileChunk]:
        """Take a record; yield a chunk if one is full."""
        self._append(record)
        if len(self._rows) >= CHUNK_ROWS or self._bytes >= CHUNK_BYTES:
            yield self._flush()

    def finish(self) -> Iterator[FileChunk]:
        """Yield what is left."""
        if self._rows:
            yield self._flush()

    def _append(self, record: Record) -> None:
        """Judge a record and append its row."""
        text: str | None = None
        names: tuple[str, ...] = ()
        failure = record.finding
        if record.text is not None and failure is None:
            try:
                text, names = normalise(record.text)
            except Exception as error:  # noqa: BLE001 - one text must not stop the file; it becomes a failed row
                failure = Finding("ingest.failed@1", evidence=type(error).__name__)
        terms = self._terms(record)
        findings = self._judge(record, text, terms, failure)
        withheld = terms.consent == "opted_out" or any(finding.reason in _WITHHELD for finding in findings)
        if not text or withheld:
            # The text of a publisher who opted out is not even quarantined: place and digest say which record it was.
            text = None
        self.errors.update(f.evidence or f.reason for f in findings[:1] if outcome(f.reason) == "failed")
        title = None if text is None else _field(record.title)
        identity = _identity(self.source.name, record)
        content = record.content if text is None and record.digest is None and not withheld else None
        self._raw.append({"document_id": identity, "text": text, "title": title, "record": content})
        self._rows.append(
            {
                "document_id": identity,
                "source": self.source.name,
                "source_kind": self.source.kind,
                "uri": _field(record.uri),
                "canonical_uri": _field(record.canonical_uri),
                "fetched_at": record.fetched_at,
                "published_at": record.published_at,
                "language_hint": _field(record.language_hint),
                "license": _field(terms.license),
                "rights_holder": _field(record.rights_holder) or self.source.rights_holder,
                "agreement": _field(record.agreement) or self.source.agreement,
                "consent": terms.consent,
                "consent_evidence": terms.evidence,
                "consent_signals": written(terms.wishes),
                "record_file": _field(self.file.path),
                "record_offset": record.offset,
                "record_id": _field(record.record_id),
                "record_digest": record.digest or hashlib.sha256(record.content).hexdigest(),
                "text_digest": None if text is None else text_digest(text),
                "characters": None if text is None else len(text),
                "post": _post(self.source.name, record.post),
                "normalised": ",".join(names) if names and text is not None else None,
            }
        )
        self._findings.append(findings)
        self._bytes += len(content or b"") + len(text or "")

    def _terms(self, record: Record) -> Terms:
        """Return the record's terms, with the source's licence where it states none."""
        if record.terms.consent != "opted_out" and record.terms.license is None and self.source.license:
            return stated(self.source.license, "source:license")._replace(wishes=record.terms.wishes)
        return record.terms

    def _judge(self, record: Record, text: str | None, terms: Terms, failure: Finding | None) -> list[Finding]:
        """Return all that speaks against a record; what decides comes first."""
        findings = []
        if terms.consent == "opted_out":
            findings.append(Finding("ingest.opted_out@1", evidence=terms.evidence))
        if failure is not None:
            findings.append(failure)
        elif not text or text.isspace():
            findings.append(Finding("ingest.no_text@1", evidence="missing" if record.text is None else "empty"))
        elif len(text) > self.source.max_text_characters:
            findings.append(Finding("ingest.text_too_long@1", len(text), self.source.max_text_characters))
        if self.source.require_license and terms.license is None:
            findings.append(Finding("ingest.missing_license@1"))
        return findings

    def _flush(self) -> FileChunk:
        """Build the chunk's batches and start the next."""
        verdict = verdict_array(self._findings)
        columns = [
            verdict if name == "verdict" else pa.array([row[name] for row in self._rows], INGEST.field(name).type)
            for name in INGEST.names
        ]
        raw = [pa.array([row[name] for row in self._raw], RAW.field(name).type) for name in RAW.names]
        chunk = FileChunk(
            pa.RecordBatch.from_arrays(raw, schema=RAW), pa.RecordBatch.from_arrays(columns, schema=INGEST)
        )
        self._raw, self._rows, self._findings, self._bytes = [], [], [], 0
        return chunk


def _identity(source: str, record: Record) -> str:
    """Return the document's id; a content too large to hold is represented by its digest."""
    if record.post is not None and record.text is not None:
        # A post's counts of likes and the activity that carried it change; it stays the same document until its text does.
        return document_id(source, record.post.address, record.text.encode("utf-8", "surrogatepass"))
    content = record.content if record.digest is None else record.digest.encode()
    return document_id(source, record.uri or record.record_id or "", content)


def _post(source: str, post: Post | None) -> dict[str, Any] | None:
    """Return the column `post`: digests in the place of addresses."""
    if post is None:
        return None
    named = {"author": post.author, "reply_to": post.reply_to, "thread": post.thread}
    digests = {name: subject_id(source, address) if address else None for name, address in named.items()}
    return {"id": subject_id(source, post.address), **digests, "version_at": post.version_at}


def _field(value: str | None) -> str | None:
    """Return a short field that can be written: no lone surrogate, no control character, bounded."""
    if value is None or (value.isascii() and value.isprintable() and len(value) <= _LONGEST_FIELD):
        return value
    written = value[:_LONGEST_FIELD].encode("utf-8", "replace").decode("utf-8")
    return "".join(c if c.isprintable() else " " for c in written).strip()
