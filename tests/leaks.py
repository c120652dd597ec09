"""Looks for values in everything that lies in some folders: byte by byte, unpacked, and in the forms that a program may have put them.

A file is searched as it is; then what it holds is searched again: gzip, zlib, zstd and zip unpacked, Parquet decoded column by column,
Avro (Iceberg's manifests) block by block, SQLite row by row with what is still in its write-ahead log.
"""

from __future__ import annotations

import base64
import gzip
import io
import json
import sqlite3
import tempfile
import urllib.parse
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

DEPTH = 4
"""Archives in archives are opened so deep."""


class Hit(NamedTuple):
    """A value that was found."""

    value: str
    """Its name."""
    form: str
    file: str
    """Relative to the folder that was searched."""
    inside: str
    """Where in the file: ``column text``, ``table log``; empty for the file's own bytes."""


def forms(value: str) -> dict[str, bytes]:
    """Return the forms in which a value may stand in a file."""
    plain = value.encode()
    found = {
        "utf-8": plain,
        "utf-16-le": value.encode("utf-16-le"),
        "utf-16-be": value.encode("utf-16-be"),
        "percent": urllib.parse.quote(value, safe="").encode(),
        "plus": urllib.parse.quote_plus(value).encode(),
        "json": json.dumps(value)[1:-1].encode(),
        "json-twice": json.dumps(json.dumps(value)[1:-1])[1:-1].encode(),
        "python": ascii(value)[1:-1].encode(),
        "hexadecimal": plain.hex().encode(),
    }
    # Base64 depends on where in its three bytes the value starts; the ends that its neighbours share are cut off.
    for shift in range(3):
        whole = base64.b64encode(b"\0" * shift + plain)
        found[f"base64-{shift}"] = whole[4 if shift else 0 : -4]
    return found


def search(folders: Iterable[Path], values: Mapping[str, str]) -> set[Hit]:
    """Return where the values stand in all files of some folders."""
    needles = [(name, form, data) for name, value in values.items() for form, data in forms(value).items()]
    hits = set()
    for folder in folders:
        for file in sorted(path for path in folder.rglob("*") if path.is_file()):
            place = f"{folder.name}/{file.relative_to(folder)}"
            for inside, data in contents(file):
                hits |= {Hit(name, form, place, inside) for name, form, needle in needles if needle in data}
    return hits


def contents(file: Path) -> Iterator[tuple[str, bytes]]:
    """Yield all that a file holds: its own bytes, then what they stand for."""
    data = file.read_bytes()
    yield "", data
    if data.startswith(b"SQLite format 3\0"):
        for table, values in _sqlite(file):
            yield f"table {table}", values
            yield from ((f"table {table}", unpacked) for _, unpacked in _unpacked(values, DEPTH))
    else:
        yield from _unpacked(data, DEPTH)


def _unpacked(data: bytes, depth: int) -> Iterator[tuple[str, bytes]]:
    if depth == 0:
        return
    for inside, part in _opened(data):
        yield inside, part
        yield from ((inside, deeper) for _, deeper in _unpacked(part, depth - 1))


def _opened(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the parts of an archive or a table, one level deep; nothing for other bytes."""
    if data[:4] == b"PAR1":
        yield from _parquet(data)
    elif data[:4] == b"Obj\x01":
        yield from (("block", block) for block in _avro(data))
    elif data[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            yield from ((f"entry {name}", archive.read(name)) for name in archive.namelist())
    elif data[:2] == b"\x1f\x8b":
        yield "gzip", gzip.decompress(data)
    elif data[:4] == b"\x28\xb5\x2f\xfd":
        with zstandard.ZstdDecompressor().stream_reader(io.BytesIO(data), read_across_frames=True) as stream:
            yield "zstd", stream.read()
    elif data[:1] == b"\x78":
        try:
            yield "zlib", zlib.decompress(data)
        except zlib.error:
            return


def _parquet(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield each column's decoded values (the footer with its statistics is in the file's own bytes, uncompressed)."""
    file = pq.ParquetFile(io.BytesIO(data))
    for name in file.schema_arrow.names:
        column = file.read([name]).column(0)
        yield f"column {name}", b"\n".join(leaf for chunk in column.chunks for leaf in _leaves(chunk))


def _leaves(array: pa.Array) -> Iterator[bytes]:
    """Yield the strings and bytes in an array, however deep."""
    if isinstance(array, pa.StructArray):
        for field in array.flatten():
            yield from _leaves(field)
    elif isinstance(array, pa.ListArray | pa.LargeListArray | pa.MapArray):
        yield from _leaves(array.flatten() if not isinstance(array, pa.MapArray) else pa.concat_arrays([array.keys]))
    elif isinstance(array, pa.DictionaryArray):
        yield from _leaves(array.dictionary)
    else:
        for value in array.to_pylist():
            if value is not None:
                yield value if isinstance(value, bytes) else str(value).encode()


def _avro(data: bytes) -> Iterator[bytes]:
    """Yield the blocks of an Avro file, inflated where its header says so."""
    stream = io.BytesIO(data[4:])
    codec = b"null"
    while count := _number(stream):
        if count < 0:
            _number(stream)
        for _ in range(abs(count)):
            key, value = stream.read(_number(stream)), stream.read(_number(stream))
            codec = value if key == b"avro.codec" else codec
    stream.read(16)
    while stream.tell() < len(data) - 4:
        _number(stream)
        block = stream.read(_number(stream))
        stream.read(16)
        yield zlib.decompress(block, -15) if codec == b"deflate" else block


def _number(stream: io.BytesIO) -> int:
    """Read a zigzag number."""
    value = shift = 0
    while True:
        byte = stream.read(1)[0]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return (value >> 1) ^ -(value & 1)
        shift += 7


def _sqlite(file: Path) -> Iterator[tuple[str, bytes]]:
    """Yield every value of every row: in the file's own bytes a long one is torn over pages. Works on a copy, its log beside it."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / file.name
        for part in (file, Path(f"{file}-wal")):
            if part.exists():
                (Path(folder) / part.name).write_bytes(part.read_bytes())
        database = sqlite3.connect(copy)
        database.text_factory = bytes
        tables = [row[0].decode() for row in database.execute("select name from sqlite_master where type = 'table'")]
        for table in tables:
            for row in database.execute(f'select * from "{table}"'):  # noqa: S608 - the table's own name
                for value in row:
                    if isinstance(value, bytes):
                        yield table, value
        database.close()
