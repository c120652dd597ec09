"""Inputs made to do harm, each with the one outcome that is right: what became of each of its records, by reason.

Limits are those of `LIMITS`, small so that the tests are quick; the bombs are sized against them.
"""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import struct
import tarfile
import zipfile
import zlib
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

LIMITS = {"max_record_bytes": 2**20, "max_text_characters": 500_000}
MIB = 2**20
GOOD = b'{"text": "A good line before."}\n'


class Case(NamedTuple):
    name: str
    content: bytes
    outcomes: dict[str, int]


def line(**fields: object) -> bytes:
    return json.dumps({"text": "fine", **fields}).encode() + b"\n"


def packed(kind: str, content: bytes) -> bytes:
    return {
        "gz": lambda: gzip.compress(content, 6, mtime=0),
        "bz2": lambda: bz2.compress(content),
        "xz": lambda: lzma.compress(content),
        "zst": lambda: zstandard.compress(content),
    }[kind]()


def zipped() -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        # With a time of its own: the present one may hold a byte that is a line end.
        entry = zipfile.ZipInfo("../../evil.jsonl", (2024, 1, 1, 0, 0, 0))
        archive.writestr(entry, GOOD, zipfile.ZIP_DEFLATED)
    return sink.getvalue()


def tarred() -> bytes:
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w") as archive:
        entry = tarfile.TarInfo("../../evil.jsonl")
        entry.size = len(GOOD)
        archive.addfile(entry, io.BytesIO(GOOD))
    return sink.getvalue()


ESCAPES = "\x1b]0;owned\x07\x1b[2J\u202eevil\u2066"
BOMB = GOOD + b"0" * 64 * MIB


def lines() -> list[Case]:
    """Return the cases of JSON Lines."""
    one, kept = {"kept": 1}, {"kept": 2}
    return [
        Case("empty.jsonl", b"", {}),
        Case("line_ends.jsonl", b"\n" * 100_000, {}),
        Case("nul_bytes.jsonl", GOOD + b"\x00" * 1_000 + b"\n" + GOOD, {"kept": 2, "unreadable_record": 1}),
        Case("deep_array.jsonl", GOOD + b"[" * 500_000 + b"\n", {"kept": 1, "unreadable_record": 1}),
        Case("deep_object.jsonl", GOOD + b'{"a":' * 100_000 + b"\n", {"kept": 1, "unreadable_record": 1}),
        Case("deep_and_closed.jsonl", b'{"text": "a", "x": ' + b"[" * 50_000 + b"]" * 50_000 + b"}\n", {"unreadable_record": 1}),
        Case("long_number.jsonl", b'{"text": "a", "n": ' + b"9" * 400_000 + b"}\n", {"unreadable_record": 1}),
        Case("huge_exponent.jsonl", b'{"text": "a", "n": 1e999999999}\n', one),
        Case("number_as_id.jsonl", b'{"text": "a", "id": ' + b"7" * 4_000 + b"}\n", one),
        Case("not_a_number.jsonl", b'{"text": "a", "id": NaN, "date": Infinity}\n', one),
        Case("lone_surrogates.jsonl", b'{"text": "a\\ud800b", "id": "\\udfff", "url": "http://a/\\ud800"}\n', one),
        Case("encoded_surrogate.jsonl", b'{"text": "\xed\xa0\x80"}\n', {"undecodable_text": 1}),
        Case("overlong.jsonl", b'{"text": "\xc0\x80\xc1\xbf"}\n', {"undecodable_text": 1}),
        Case("latin_1.jsonl", GOOD + '{"text": "Größe"}\n'.encode("latin-1") + GOOD, {"kept": 2, "undecodable_text": 1}),
        Case("utf_16.jsonl", '{"text": "a"}'.encode("utf-16"), {"undecodable_text": 1}),
        Case("same_key_twice.jsonl", b'{"text": 1, "text": {}, "text": "a"}\n', one),
        Case("no_line_end.jsonl", b'{"text": "a"}', one),
        Case("carriage_returns.jsonl", b'{"text": "a"}\r{"text": "b"}\r', {"unreadable_record": 1}),
        Case("escapes.jsonl", line(text=f"seen {ESCAPES}", id=ESCAPES, url=ESCAPES, license=ESCAPES, date=ESCAPES), one),
        Case("long_line.jsonl", GOOD + line(text="x" * 2 * MIB) + line(), {"kept": 2, "record_too_large": 1}),
        Case("long_text.jsonl", line(text="word " * 110_000), {"text_too_long": 1}),
        Case("long_fields.jsonl", line(id="i" * 500_000, url="u" * 100_000, license="l" * 100_000), one),
        Case("odd_types.jsonl", line(id={"a": 1}, url=[], license=True, date={"x": []}), one),
        Case("impossible_dates.jsonl", line(date="99999-99-99") + line(text="b", date=1e300) + line(text="c", date=-(10**18)), {"kept": 3}),
        Case("path_in_fields.jsonl", line(id="../../../etc/passwd", url="file:///etc/passwd"), one),
        Case("many_keys.jsonl", json.dumps({"text": "a", **{f"k{n}": n for n in range(50_000)}}).encode() + b"\n", one),
        Case("combining.jsonl", line(text="a" + "\u0301" * 100_000), one),
        Case("mojibake_flood.jsonl", line(text="Ã\u00a9" * 50_000), one),
        Case("controls.jsonl", line(text="".join(map(chr, range(160))) + "end"), one),
        Case("zip.jsonl", zipped(), {"undecodable_text": 1}),
        Case("tar.jsonl", tarred(), {"unreadable_record": 2}),
        *(Case(f"bomb.jsonl.{kind}", packed(kind, BOMB), {"kept": 1, "expansion_limit": 1}) for kind in ("gz", "bz2", "xz", "zst")),
        *(Case(f"line_ends.jsonl.{kind}", packed(kind, GOOD + b"\n" * 40 * 2**10), one) for kind in ("gz", "zst")),
        *(Case(f"cut.jsonl.{kind}", packed(kind, GOOD + line())[:-9], {"kept": 1 if kind == "zst" else 2, "truncated_record": 1}) for kind in ("gz", "bz2", "xz", "zst")),
        Case("gzip_in_gzip.jsonl.gz", packed("gz", packed("gz", BOMB[:MIB])), {"undecodable_text": 1}),
        Case("empty_members.jsonl.gz", packed("gz", b"") * 20_000 + packed("gz", GOOD), one),
        Case("empty_frames.jsonl.zst", packed("zst", b"") * 20_000 + packed("zst", GOOD), one),
        Case("garbage_behind.jsonl.gz", packed("gz", GOOD) + b"garbage", {"kept": 1, "truncated_record": 1}),
        Case("padding_behind.jsonl.gz", packed("gz", GOOD) + b"\x00" * 100_000, one),
        Case("wrong_checksum.jsonl.gz", packed("gz", GOOD)[:-8] + b"\x00" * 8, {"truncated_record": 1}),
        Case("endless_name.jsonl.gz", b"\x1f\x8b\x08\x08" + b"\x00" * 6 + b"n" * MIB, {"truncated_record": 1}),
        Case("only_magic.jsonl.gz", b"\x1f\x8b", {"truncated_record": 1}),
        Case("wide_window.jsonl.zst", b"\x28\xb5\x2f\xfd\x00\xf8" + b"\x00" * 64, {"truncated_record": 1}),
        Case("skippable.jsonl.zst", packed("zst", GOOD) + b"\x50\x2a\x4d\x18" + struct.pack("<I", 2**31) + b"x", {"kept": 1, "truncated_record": 1}),
        Case("huge_dictionary.jsonl.xz", lzma_with_dictionary(), {"truncated_record": 1}),
        Case("zip.jsonl.gz", zipped(), {"undecodable_text": 1}),
        Case("twice.jsonl.gz", packed("gz", GOOD) + packed("gz", line()), kept),
    ]  # fmt: skip


def lzma_with_dictionary() -> bytes:
    """Return an xz stream whose header asks for a dictionary of 1.5 GiB."""
    plain = lzma.compress(GOOD, filters=[{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 2**16}])
    # The size is one byte of the block's header, which has a checksum of its own.
    start = 12
    size = (plain[start] + 1) * 4
    header = bytearray(plain[start : start + size])
    header[header.index(b"\x21\x01") + 2] = 39
    header[-4:] = struct.pack("<I", zlib.crc32(bytes(header[:-4])))
    return plain[:start] + bytes(header) + plain[start + size :]


def table(**options: object) -> bytes:
    sink = io.BytesIO()
    columns = options.pop("columns")
    pq.write_table(pa.table(columns), sink, **options)
    return sink.getvalue()


def varint(number: int) -> bytes:
    out = b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def renumbered(content: bytes, old: int, new: int, last: bool = True) -> bytes:
    """Put another number in place of one in the footer, which is rewritten with its length."""
    length = int.from_bytes(content[-8:-4], "little")
    body, footer = content[: -8 - length], content[-8 - length : -8]
    before, after = varint(old * 2), varint(new * 2)
    place = footer.rindex(before) if last else footer.index(before)
    footer = footer[:place] + after + footer[place + len(before) :]
    return body + footer + len(footer).to_bytes(4, "little") + b"PAR1"


def parquets() -> list[Case]:
    """Return the cases of Parquet."""
    texts = [f"row {n} of the table" for n in range(1_234)]
    good = table(columns={"text": texts, "id": list(range(1_234))}, compression="snappy")
    plain = table(columns={"text": texts}, compression="none", use_dictionary=False)
    one_word = pa.DictionaryArray.from_arrays(pa.array([0] * 3_000_000, pa.int8()), pa.array(["word " * 100]))
    broken = {"unreadable_record": 1}
    return [
        Case("empty.parquet", b"", broken),
        Case("magic.parquet", b"PAR1PAR1", broken),
        Case("encrypted.parquet", b"PARE" + good[4:-4] + b"PARE", broken),
        Case("footer_length.parquet", good[:-8] + b"\xff\xff\xff\x7fPAR1", broken),
        Case("footer_zero.parquet", good[:-8] + b"\x00\x00\x00\x00PAR1", broken),
        Case("footer_garbage.parquet", good[: len(good) - 500] + b"\xff" * 492 + good[-8:], broken),
        Case("more_rows.parquet", renumbered(good, 1_234, 2**40), {"expansion_limit": 1}),
        Case("fewer_rows.parquet", renumbered(good, 1_234, 0), broken),
        Case("constant.parquet", table(columns={"text": one_word}), {"expansion_limit": 3}),
        Case("nulls.parquet", table(columns={"text": pa.nulls(5_000_000, pa.string())}), {"expansion_limit": 5}),
        Case("zeros.parquet", table(columns={"text": ["fine", "0" * 64 * MIB]}, compression="zstd", use_dictionary=False), {"expansion_limit": 1}),
        Case("page_size.parquet", page_of(plain, 2**31 - 1), {"expansion_limit": 1}),
        Case("negative_page.parquet", page_of(plain, -5), {"unreadable_record": 1_234}),
        Case("list.parquet", table(columns={"text": [["a"] * 1_000] * 10}), {"unreadable_record": 10}),
        Case("number.parquet", table(columns={"text": [1, None]}), {"unreadable_record": 1, "no_text": 1}),
        Case("no_text.parquet", table(columns={"body": texts}), {"no_text": 1_234}),
        Case("bad_text.parquet", table(columns={"text": [b"fine", b"\xff\xfe"]}), {"kept": 1, "undecodable_text": 1}),
        Case("escapes.parquet", table(columns={"text": ["fine"], "id": [ESCAPES], "url": [ESCAPES]}), {"kept": 1}),
        Case("long_row.parquet", table(columns={"text": ["fine", "x" * 2 * MIB, "more"]}), {"kept": 2, "record_too_large": 1}),
        Case("deep.parquet", table(columns={"text": nested(30)}), {"unreadable_record": 1}),
        Case("wide.parquet", table(columns={"text": ["fine"]} | {f"c{n}": [n] for n in range(2_000)}), {"kept": 1}),
        Case("jsonl.parquet", GOOD, broken),
        Case("prefixes.parquet", prefixes(), {"text_too_long": 60}),
    ]  # fmt: skip


def nested(depth: int) -> pa.Array:
    value: object = "deep"
    for _ in range(depth):
        value = {"a": value}
    return pa.array([value])


def page_of(content: bytes, size: int) -> bytes:
    """State another decompressed size in the first page's header: the number behind its first two fields' heads and its type."""
    place = 4 + 3
    end = place
    while content[end] & 128:
        end += 1
    width = end + 1 - place
    number = (size << 1) ^ (size >> 31)
    new = varint(number)
    if len(new) <= width:
        padded = bytearray(new)
        while len(padded) < width:
            padded[-1] |= 128
            padded.append(0)
        return content[:place] + bytes(padded) + content[end + 1 :]
    return content[:place] + new + content[end + 1 :]


def prefixes() -> bytes:
    """Return rows each of which begins with all of the row before: 36 MB of text in 600 KB."""
    base = "a" * 600_000
    return table(columns={"text": [base + str(n) for n in range(60)]}, use_dictionary=False, column_encoding={"text": "DELTA_BYTE_ARRAY"}, compression="none")  # fmt: skip
