"""What a WARC record's own headers say of it."""

from __future__ import annotations

import hashlib
import re
from typing import Any

from pipeline.sources.dates import parse_date
from pipeline.sources.rows import Record
from pipeline.verdict import Finding

_CUT = {"length", "time", "disconnect", "unspecified"}
_TARGET = re.compile(r"urn:uuid:[0-9a-fA-F-]{36}|(?:sha1|sha256|md5):[0-9A-Za-z]{32,64}")


def address_record(record: Record, headers: Any) -> None:
    """Set a record's address, its own id and when it was fetched."""
    record.uri = (headers.get("WARC-Target-URI") or "").strip("<> ") or None
    record.record_id = headers.get("WARC-Record-ID")
    record.fetched_at = parse_date(headers.get("WARC-Date"))


def why_cut(headers: Any) -> str | None:
    """Return why the crawler says that it cut a record, in the words of WARC 1.1 (section 5.13); None if it does not."""
    reason = (headers.get("WARC-Truncated") or "").strip().lower()
    if not reason:
        return None
    return f"warc-truncated:{reason if reason in _CUT else 'other'}"


def revisit(offset: int, headers: Any) -> Record:
    """Return a revisit as a rejected record that names the one which holds its content: by its id, else by the content's digest."""
    named = (headers.get("WARC-Refers-To") or "").strip("<> "), (headers.get("WARC-Payload-Digest") or "").strip()
    target = next((name for name in named if _TARGET.fullmatch(name)), "unnamed")
    record = Record(offset, b"", finding=Finding("ingest.revisit@1", evidence=target), size=0)
    address_record(record, headers)
    # There is no content; what sets it apart from another visit of the same address is its own id, or its place.
    name = record.record_id or str(offset)
    record.digest = hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()
    return record
