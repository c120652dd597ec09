"""What each shared web archive holds, as read here and by warcio and fastwarc, with the reason for each difference.

    python -m benchmarks.archives

Records are responses, resources and conversions. The two parsers run as they come, from the first record to where they stop.
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

from fastwarc.warc import ArchiveIterator as ByFastwarc
from warcio.archiveiterator import ArchiveIterator as ByWarcio

from pipeline.source import Source
from pipeline.sources.files import SourceFile
from pipeline.sources.records import read_file
from pipeline.verdict import outcome, reasons

FOLDER = (
    Path(os.environ.get("SLUICE_SHARED") or Path(__file__).resolve().parents[2] / "shared") / "data/web/warc_shared"
)
TYPES = ("response", "resource", "conversion")

_ARC = "ARC, which fastwarc does not know; read like warcio"
_ONE_MEMBER = "one gzip member over several records, at which warcio stops; read like fastwarc"
EXPLAINED = {
    "pywb__bad.arc": _ARC + ": two first lines without a length (failed), one record without text",
    "pywb__example.arc": _ARC,
    "pywb__example.arc.gz": _ARC,
    "pywb__example.warc": (
        "a request's length is five bytes short, so that no record begins where one should: fastwarc stops there, warcio reads on and "
        "says nothing; here the same two responses and a failed row for the damaged place"
    ),
    "warcio__example-trunc.warc": (
        "a response was cut without correcting its length: its content breaks off (failed), no record begins where the next should "
        "(failed), the request behind is found; fastwarc and warcio count the response alone"
    ),
    "pywb__example-bad.warc.gz.bad": _ONE_MEMBER,
    "warcio__example-bad.warc.gz.bad": _ONE_MEMBER,
    "warcio__example-bad-non-chunked.warc.gz": _ONE_MEMBER,
    "warc2zim__single-page-test.warc": "warcio raises in its brotli reader; read like fastwarc",
    "warcio__example-wrong-chunks.warc.gz": "warcio raises behind the response, whose chunks are wrong; read like fastwarc",
}
"""Every file where the three do not agree, and why."""


class Line(NamedTuple):
    """A file's records by outcome, and what the two parsers counted; None where one raised before the end."""

    file: str
    records: int
    kept: int
    rejected: int
    failed: int
    other: int
    by_warcio: str
    by_fastwarc: str

    @property
    def differs(self) -> bool:
        """Whether the three do not agree."""
        return not self.by_warcio == self.by_fastwarc == str(self.records)


def read_line(path: Path) -> Line:
    reading = read_file(
        Source(name="shared", kind="web"), SourceFile("shared", str(path), path.name, path.stat().st_size, "warc")
    )
    counts: Counter[str] = Counter()
    for chunk in reading:
        counts.update(outcome(reason) if reason else "kept" for reason in reasons(chunk.columns["verdict"]).to_pylist())
    account = reading.account
    if account.records_read != counts.total():
        raise SystemExit(f"{path.name}: {account.records_read} records were counted and {counts.total()} rows written")
    warcio, fastwarc = count_by(ByWarcio, path), count_by(ByFastwarc, path)
    return Line(
        path.name,
        account.records_read,
        counts["kept"],
        counts["rejected"],
        counts["failed"],
        account.other_records,
        warcio,
        fastwarc,
    )


def count_by(parser: Any, path: Path) -> str:
    """Count records by a parser; a plus says that it raised and there may be more."""
    found = 0
    with path.open("rb") as stream:
        try:
            for record in parser(stream):
                found += kind_of(record) in TYPES
                drain(record)
        except Exception:  # noqa: BLE001 - each raises its own, and this is what is counted
            return f"{found}+"
    return str(found)


def kind_of(record: Any) -> str:
    return record.rec_type if hasattr(record, "rec_type") else record.headers.get("WARC-Type", "")


def drain(record: Any) -> None:
    stream = record.content_stream() if hasattr(record, "content_stream") else record.reader
    while stream.read(2**16):
        pass


def lines() -> list[Line]:
    return [read_line(path) for path in sorted(FOLDER.iterdir()) if path.suffix not in {".txt", ".json"}]


def main() -> None:
    if not FOLDER.is_dir():
        raise SystemExit(f"there are no shared archives in {FOLDER}; name their folder's root in SLUICE_SHARED")
    found = lines()
    print(f"{'file':44s} records  kept  rejected  failed  other   warcio  fastwarc")
    for line in found:
        mark = " *" if line.differs else ""
        print(
            f"{line.file:44s} {line.records:7d} {line.kept:5d} {line.rejected:9d} {line.failed:7d} {line.other:6d} "
            f"{line.by_warcio:>8s} {line.by_fastwarc:>9s}{mark}"
        )
    sums = [sum(column) for column in zip(*(line[1:6] for line in found), strict=True)]
    print(f"{f'{len(found)} files':44s} {sums[0]:7d} {sums[1]:5d} {sums[2]:9d} {sums[3]:7d} {sums[4]:6d}\n")
    for line in found:
        if line.differs:
            print(f"* {line.file}: {EXPLAINED.get(line.file, 'NOT EXPLAINED')}")


if __name__ == "__main__":
    main()
