"""Read one file of a source: chunks of rows, and an account that the gate can hold them against.

Whatever a file holds, reading it ends: a record that cannot be used is a row with a verdict, a damaged file is one failed row for
what is lost, and the account counts independently what was there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from pipeline.document import subject_id
from pipeline.errors import ContractViolation, SluiceError
from pipeline.source import Source
from pipeline.sources.activitypub import read_activitypub
from pipeline.sources.bluesky import read_bluesky
from pipeline.sources.delimited import read_csv
from pipeline.sources.files import SourceFile
from pipeline.sources.jats import read_jats
from pipeline.sources.jsonl import read_jsonl
from pipeline.sources.parquet import read_parquet
from pipeline.sources.plain import read_text
from pipeline.sources.reddit import read_reddit
from pipeline.sources.rows import ChunkBuilder, FileChunk, Record, Tally
from pipeline.sources.warc import read_warc
from pipeline.verdict import Finding

Reader = Callable[[Source, SourceFile, Tally], Iterator[Record]]

READERS: dict[str, Reader] = {
    "jsonl": read_jsonl,
    "parquet": read_parquet,
    "warc": read_warc,
    "bluesky": read_bluesky,
    "activitypub": read_activitypub,
    "reddit": read_reddit,
    "csv": read_csv,
    "text": read_text,
    "jats": read_jats,
}
"""A format's reader: yields one `Record` for each unit and counts, on its own, what it should have yielded.

A new format is a function of this shape, a line here and a suffix in `files.py`.
"""


@dataclass(frozen=True, slots=True)
class FileAccount:
    """What a file held, counted by the reader and not from the rows.

    Attributes
    ----------
    records_read
        Records; equals the rows of all chunks, or something was lost.
    other_records
        Units that are no records (blank lines, WARC requests, metadata, revisits).
    bytes
        Bytes read.
    errors
        Failed records by class of error.
    kinds
        `other_records` by kind, as far as the reader tells kinds apart.
    deleted
        `subject_id` of the posts and authors that the file says were deleted.
    stopped
        Where reading a part of the file stopped, where that is not certain (`parts.meet`).
    """

    records_read: int
    other_records: int
    bytes: int
    errors: dict[str, int] = field(default_factory=dict)
    kinds: dict[str, int] = field(default_factory=dict)
    deleted: frozenset[str] = frozenset()
    stopped: int | None = None


class FileReading:
    """An iteration over a file's chunks; `account` is known when it has ended."""

    def __init__(self, source: Source, file: SourceFile) -> None:
        self._source = source
        self._file = file
        self._account: FileAccount | None = None
        self._chunks = self._read()

    def __iter__(self) -> Iterator[FileChunk]:
        return self

    def __next__(self) -> FileChunk:
        return next(self._chunks)

    @property
    def account(self) -> FileAccount:
        """Return the account.

        Raises
        ------
        ContractViolation
            If the file was not read to its end.
        """
        if self._account is None:
            raise ContractViolation(f"{self._file.path}: the account is known only after the last chunk")
        return self._account

    def _read(self) -> Iterator[FileChunk]:
        """Yield chunks; an error of the reader itself costs the rest of the file, as one failed record."""
        builder, tally = ChunkBuilder(self._source, self._file), Tally()
        last = 0
        try:
            for record in READERS[self._file.format](self._source, self._file, tally):
                last = record.offset
                yield from builder.add(record)
        except (SluiceError, MemoryError):
            raise
        except Exception as error:  # noqa: BLE001 - the rest of a file is lost, not the batch; it is counted as a failure
            tally.records += 1
            lost = Finding("ingest.unreadable_record@1", evidence=type(error).__name__)
            digest = hashlib.sha256(f"{tally.file_digest(self._file)}:{last}".encode()).hexdigest()
            yield from builder.add(Record(last, b"", finding=lost, digest=digest))
        yield from builder.finish()
        self._account = FileAccount(
            tally.records,
            tally.other,
            tally.bytes,
            dict(sorted(builder.errors.items())),
            dict(sorted(tally.kinds.items())),
            frozenset(subject_id(self._source.name, address) for address in tally.deleted),
            tally.stopped,
        )


def read_file(source: Source, file: SourceFile) -> FileReading:
    """Return an iterator over the file's rows in chunks; its `account` is known after the last one.

    Raises
    ------
    SourceUnavailable
        While iterating, if the file cannot be opened (a file that opens and is damaged raises nothing).
    """
    return FileReading(source, file)
