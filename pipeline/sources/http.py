"""An HTTP response's body as text: transfer coding, content coding, charset."""

from __future__ import annotations

import re
import zlib
from typing import NamedTuple

import brotli
import zstandard
from resiliparse.parse.encoding import detect_encoding, detect_mime, map_encoding_to_html5

MAX_REPLACED_SHARE = 0.01
"""Share of characters that may be undecodable. A browser replaces any number; a page with more than one in a hundred is not in the
charset it states, nor in the one it looks like, or is no text."""

_CHARSET = re.compile(r"charset\s*=\s*[\"']?\s*([^\s\"';,]+)", re.IGNORECASE)
_BOMS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_CHUNK_SIZE = re.compile(rb"\s*([0-9a-fA-F]{1,15})[^\r\n]{0,1024}\r?\n")
_HTML_START = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*<(?:!doctype html|html|head|script|iframe|h1|div|font|table|a|style|title|b|body|br|p|!--)[\s>]",
    re.IGNORECASE,
)
_STEP = 2**16


class BodyError(Exception):
    """A body cannot be decoded; `args[0]` is the class of the error."""


class BodyTooLarge(BodyError):  # noqa: N818 - a limit that was passed, named as in its reason
    """A body decompresses to more than the source's limit."""


class BodyTruncated(BodyError):  # noqa: N818 - as above
    """A compressed body ends before its end."""


class Decoded(NamedTuple):
    """A text, the charset it was read in, and the share of its characters that could not be decoded."""

    text: str
    charset: str
    replaced: float


def decode_body(payload: bytes, transfer_encoding: str, content_encoding: str, limit: int) -> bytes:
    """Return the body behind its codings.

    Crawlers differ in what they store: many write the headers as received and the body already decoded. A body that does not have
    the form of the coding its headers state is therefore taken as it is.

    Raises
    ------
    BodyTooLarge, BodyTruncated, BodyError
        If the body has the coding's form and cannot be decoded to its end within `limit` bytes.
    """
    body = payload
    if "chunked" in transfer_encoding.lower() and body:
        body = _dechunk(body)
    for coding in reversed([part.strip().lower() for part in content_encoding.split(",")]):
        if coding in {"gzip", "x-gzip"} and body.startswith(b"\x1f\x8b"):
            body = _inflate(body, 31, limit)
        elif coding == "deflate" and body:
            body = _deflate(body, limit)
        elif coding == "br" and body:
            body = _brotli(body, limit)
        elif coding == "zstd" and body.startswith(b"\x28\xb5\x2f\xfd"):
            body = _zstd(body, limit)
    return body


def sniff_media_type(body: bytes) -> str:
    """Return the media type of a body whose headers state none; an empty string for an empty body.

    First by the tags of the WHATWG's MIME sniffing (section 7.1), then by its first bytes.
    """
    if _HTML_START.match(body):
        return "text/html"
    return str(detect_mime(body)) if body else ""


def decode_text(body: bytes, content_type: str, html: bool) -> Decoded:
    """Return the body's text: by byte order mark, else by the header's charset, else as stated in the page, else as it looks.

    The order is the WHATWG's (HTML, section 13.2.3.2). What the stated charset cannot read is tried in the one it looks like.
    """
    for mark, charset in _BOMS:
        if body.startswith(mark):
            return _decode(body[len(mark) :], charset)
    match = _CHARSET.search(content_type)
    stated = map_encoding_to_html5(match[1], fallback_utf8=False) if match else None
    first = _decode(body, stated or detect_encoding(body, from_html_meta=html) or "utf-8")
    if first.replaced == 0:
        return first
    second = _decode(body, detect_encoding(body) or "utf-8")
    return min(first, second, key=lambda decoded: decoded.replaced)


def _decode(body: bytes, charset: str) -> Decoded:
    """Decode, replacing what cannot be decoded; an unknown charset decodes nothing."""
    try:
        return Decoded(body.decode(charset), charset, 0.0)
    except UnicodeDecodeError:
        text = body.decode(charset, "replace")
        return Decoded(text, charset, text.count("\ufffd") / max(len(text), 1))
    except LookupError:
        return Decoded("", charset, 1.0)


def _dechunk(body: bytes) -> bytes:
    """Return a chunked body's content (RFC 9112, section 7.1); a body that is not chunked as it is.

    A last chunk of size 0 may be missing, as some crawlers leave it out; a chunk that breaks off is a body that does.
    """
    parts: list[bytes] = []
    place = 0
    while match := _CHUNK_SIZE.match(body, place):
        size = int(match[1], 16)
        if size == 0:
            return b"".join(parts)
        parts.append(body[match.end() : match.end() + size])
        place = match.end() + size
        if place > len(body):
            raise BodyTruncated("BodyTruncated")
        place += 2 if body[place : place + 2] == b"\r\n" else 0
    return body if not parts or place < len(body) else b"".join(parts)


def _inflate(body: bytes, wbits: int, limit: int) -> bytes:
    """Decompress gzip or deflate within a limit."""
    inner = zlib.decompressobj(wbits=wbits)
    try:
        result = inner.decompress(body, limit + 1)
    except zlib.error as error:
        raise BodyError(type(error).__name__) from None
    if len(result) > limit:
        raise BodyTooLarge("BodyTooLarge")
    if not inner.eof:
        raise BodyTruncated("BodyTruncated")
    return result


def _deflate(body: bytes, limit: int) -> bytes:
    """Decompress "deflate": with a zlib header as the standard says, or bare as some servers send it, or not at all."""
    for wbits in (15, -15):
        try:
            return _inflate(body, wbits, limit)
        except BodyTooLarge:
            raise
        except BodyError:
            continue
    return body


def _brotli(body: bytes, limit: int) -> bytes:
    """Decompress brotli within a limit; it has no mark, so a body that it refuses at once is taken as it is."""
    inner = brotli.Decompressor()
    parts: list[bytes] = []
    size = 0
    data = body
    try:
        while True:
            part = inner.process(data, output_buffer_limit=_STEP)
            data = b""
            parts.append(part)
            size += len(part)
            if size > limit:
                raise BodyTooLarge("BodyTooLarge")
            if inner.is_finished():
                return b"".join(parts)
            if not part:  # `can_accept_more_data` is true even while there is output to come
                raise BodyTruncated("BodyTruncated")
    except brotli.error as error:
        if size:
            raise BodyError(type(error).__name__) from None
        return body


def _zstd(body: bytes, limit: int) -> bytes:
    """Decompress zstandard within a limit."""
    try:
        with zstandard.ZstdDecompressor().stream_reader(body) as reader:
            result = reader.read(limit + 1)
    except zstandard.ZstdError as error:
        raise BodyError(type(error).__name__) from None
    if len(result) > limit:
        raise BodyTooLarge("BodyTooLarge")
    return bytes(result)
