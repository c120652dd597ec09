"""WARC, WET, WAT and ARC: responses, resources and conversions as records; damaged parts fail and reading goes on behind them."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, NamedTuple

from fastwarc.warc import WarcRecordType

from pipeline.errors import SluiceError
from pipeline.sources.arc import is_arc, read_arc
from pipeline.sources.archive import Broken, Found, read_archive
from pipeline.sources.consent import Terms, combine, from_headers, judged
from pipeline.sources.facts import canonical_link, language_tag, not_after
from pipeline.sources.heads import address_record, revisit, why_cut
from pipeline.sources.html import read_page
from pipeline.sources.http import (
    MAX_REPLACED_SHARE,
    BodyError,
    BodyTooLarge,
    BodyTruncated,
    decode_body,
    decode_text,
    sniff_media_type,
)
from pipeline.sources.native import guarded
from pipeline.sources.robots import Rules, rules_of
from pipeline.sources.rows import Record, Tally
from pipeline.verdict import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.source import Source
    from pipeline.sources.files import SourceFile

_HTML = {"text/html", "application/xhtml+xml"}
_PLAIN = {"text/plain", "text/markdown", "text/x-rst", "text/x-markdown"}
_RECORDS = (WarcRecordType.response, WarcRecordType.resource, WarcRecordType.conversion)
_KINDS = {
    int(getattr(WarcRecordType, name)): name for name in ("warcinfo", "request", "revisit", "metadata", "continuation")
}
_OK = 200
_BLOCK = 2**20
_BROKEN_OFF = "content_length"
"""Evidence of a record that ends before the length that it states, with its file or its compressed member."""


class _Content(NamedTuple):
    """A record's payload, or its digest and size if it is larger than the limit."""

    payload: bytes
    digest: str | None
    size: int


def read_warc(source: Source, file: SourceFile, tally: Tally) -> Iterator[Record]:
    """Yield a record for each response, resource and conversion, and a failed one for each damaged part.

    Requests, revisits (the same content is in another record), metadata and information are counted by kind, not read;
    of revisits the source may want rows that name their targets.
    """
    part = file.part
    tally.bytes = part.end - part.start if part else file.size
    tally.stopped = file.size if part else None
    held: Record | None = None
    rules = rules_of(source.consent)
    with file.open() as stream:
        for item in read_arc(stream) if is_arc(stream) else read_archive(stream, part.start if part else 0):
            if part and item.offset >= part.end:
                tally.stopped = item.offset
                break
            # The damage of a record that was read from a broken member is that record's; it fails for both.
            if isinstance(item, Broken) and item.spoils and held is not None:
                yield _spoil(held, item.spoils)
                held = None
                continue
            if held is not None:
                yield held
                held = None
            if isinstance(item, Broken):
                tally.records += 1
                digest = hashlib.sha256(f"{tally.file_digest(file)}:{item.offset}".encode()).hexdigest()
                lost = Finding("ingest.unreadable_record@1", evidence=item.error)
                yield Record(item.offset, b"", finding=lost, digest=digest)
            elif item.record.record_type in _RECORDS:
                tally.records += 1
                held = _record(source, rules, item)
                item.damaged = held.finding is not None and held.finding.evidence == _BROKEN_OFF
            elif source.revisits == "record" and item.record.record_type == WarcRecordType.revisit:
                tally.records += 1
                held = revisit(item.offset, item.record.headers)
            else:
                tally.other += 1
                tally.kinds[_KINDS.get(int(item.record.record_type), "unknown")] += 1
    if held is not None:
        yield held


def _spoil(record: Record, evidence: str) -> Record:
    """Return a record as failed that does not end as it should, whatever was made of it before."""
    record.text = None
    record.finding = Finding("ingest.truncated_record@1", evidence=evidence)
    return record


def _record(source: Source, rules: Rules | None, found: Found) -> Record:
    """Return the record of a WARC record, whatever happens inside it."""
    warc, record = found.record, Record(found.offset, b"")
    content = _Content(b"", None, 0)
    try:
        address_record(record, warc.headers)
        stated = int(warc.content_length)
        cut = why_cut(warc.headers)
        with guarded():
            content = _payload(warc, source.max_record_bytes)
        record.content, record.digest, record.size = content
        if content.size < stated or (_swallowed(warc, content.payload) and found.runs_over()):
            record.finding = Finding("ingest.truncated_record@1", content.size, stated, _BROKEN_OFF)
        elif cut is not None and not source.keep_truncated:
            record.finding = Finding("ingest.truncated_record@1", evidence=cut)
        elif content.digest is not None:
            record.finding = Finding("ingest.record_too_large@1", content.size, source.max_record_bytes)
        else:
            with guarded():
                _read_payload(source, rules, warc, record)
    except SluiceError:
        raise
    except OSError:
        record.finding = Finding("ingest.truncated_record@1", evidence=_BROKEN_OFF)
    except Exception as error:  # noqa: BLE001 - one record must not stop the file; it becomes a failed row
        record.finding = Finding("ingest.failed@1", evidence=type(error).__name__)
    if record.finding is not None:
        record.text = None
    return record


def _swallowed(warc: Any, payload: bytes) -> bool:
    """Return whether a record may hold the beginning of another one."""
    headers = warc.http_headers if warc.is_http else None
    return b"WARC/1." in payload or (
        headers is not None
        and any("WARC-" in key or "WARC/1." in key or "WARC/1." in value for key, value in headers.to_tuples())
    )


def _payload(warc: Any, limit: int) -> _Content:
    """Read a payload, or only digest it if it is larger than the limit."""
    parts: list[bytes] = []
    size = 0
    digest = hashlib.sha256()
    while block := warc.reader.read(_BLOCK):
        size += len(block)
        if warc.content_length > limit:
            digest.update(block)
        else:
            parts.append(block)
    return _Content(b"".join(parts), digest.hexdigest() if warc.content_length > limit else None, size)


def _read_payload(source: Source, rules: Rules | None, warc: Any, record: Record) -> None:
    """Set the record's text, terms and finding from its payload."""
    http = warc.http_headers if warc.is_http else None
    headers = list(http.to_tuples()) if http is not None else []
    terms = from_headers(headers)
    terms = combine(terms, Terms(wishes=tuple(rules.of(record.uri)))) if rules else terms
    record.terms = judged(terms, source.consent)
    status = None if http is None else http.status_code
    if http is not None and status != _OK:
        if status is None:
            record.finding = Finding("ingest.unreadable_record@1", evidence="http_status_line")
        else:
            record.finding = Finding("ingest.http_status@1", status, _OK)
        return
    content_type = _header(headers, "content-type") if http is not None else warc.headers.get("Content-Type") or ""
    try:
        body = decode_body(
            record.content,
            _header(headers, "transfer-encoding"),
            _header(headers, "content-encoding"),
            source.max_record_bytes,
        )
    except BodyTooLarge:
        record.finding = Finding(
            "ingest.record_too_large@1", limit=source.max_record_bytes, evidence="content_encoding"
        )
        return
    except BodyTruncated:
        record.finding = Finding("ingest.truncated_record@1", evidence="content_encoding")
        return
    except BodyError as error:
        record.finding = Finding("ingest.undecodable_text@1", evidence=str(error))
        return
    record.language_hint = language_tag(_header(headers, "content-language"))
    record.canonical_uri = canonical_link(_header(headers, "link"), record.uri)
    _read_body(source, record, body, content_type, terms)


def _read_body(source: Source, record: Record, body: bytes, content_type: str, terms: Terms) -> None:
    """Set the record's text and terms from the body, by its media type."""
    media_type = content_type.partition(";")[0].strip().lower() or sniff_media_type(body)
    html = media_type in _HTML
    if body and not html and media_type not in _PLAIN:
        known = (
            media_type if len(media_type) <= 100 and media_type.isascii() and media_type.isprintable() else "malformed"
        )
        record.finding = Finding("ingest.media_type@1", evidence=known)
        return
    if not body:
        return
    decoded = decode_text(body, content_type, html)
    if decoded.replaced > MAX_REPLACED_SHARE:
        evidence = decoded.charset
        record.finding = Finding("ingest.undecodable_text@1", decoded.replaced, MAX_REPLACED_SHARE, evidence)
    elif html:
        page = read_page(decoded.text, record.uri, source.extractor)
        record.text, record.terms = page.text, judged(combine(terms, page.terms), source.consent)
        record.title, record.canonical_uri = page.facts.title, page.facts.canonical or record.canonical_uri
        record.language_hint = page.facts.language or record.language_hint
        record.published_at = not_after(page.facts.published_at, record.fetched_at)
    else:
        record.text = decoded.text


def _header(headers: list[tuple[str, str]], name: str) -> str:
    """Return a header's values, joined by commas as HTTP does, or an empty string."""
    return ", ".join(value for key, value in headers if key.lower() == name)
