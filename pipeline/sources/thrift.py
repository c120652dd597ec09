"""Thrift structs in the compact protocol, as Parquet's footers and page headers are written.

Only what is asked for is kept; the rest is passed over, so that a hostile footer costs time in proportion to its bytes and no memory
(https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md).
"""

from __future__ import annotations

from typing import Any

Fields = dict[int, Any]
_DEEPEST = 12
"""Structs and lists within one another; the footer's own need eight."""


class Malformed(Exception):  # noqa: N818 - a state of the file, caught by the reader; `args[0]` names what is wrong
    """The bytes are no such struct, or state what cannot be."""


class Compact:
    """Reads a Thrift struct in the compact protocol; IndexError where the data end first."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.place = 0

    def struct(self, keep: Fields | None, depth: int) -> Fields:
        """Return those fields of a struct, by their numbers, that are to be kept; the others are passed over."""
        fields: Fields = {}
        number = 0
        while head := self._byte():
            number = number + (head >> 4) if head >> 4 else self._zigzag()
            wanted = None if keep is None else keep.get(number)
            value = self._value(head & 15, wanted, depth)
            if wanted is not None:
                fields[number] = value
        return fields

    def _value(self, kind: int, keep: Fields | None, depth: int) -> Any:
        if depth > _DEEPEST:
            raise Malformed("Depth")
        if kind in {1, 2, 3}:
            return self._byte() if kind == 3 else kind == 1
        if kind in {4, 5, 6}:
            return self._zigzag()
        if kind in {7, 8}:
            return self._bytes(8 if kind == 7 else self._varint())
        if kind in {9, 10}:
            return self._values(keep, depth)
        if kind == 12:
            return self.struct(keep, depth + 1)
        raise Malformed("Type")

    def _values(self, keep: Fields | None, depth: int) -> list[Any] | None:
        """Read a list; each element takes a byte at least, so a count that lies runs into the end."""
        head = self._byte()
        count = head >> 4 if head >> 4 < 15 else self._varint()
        kind = 3 if head & 15 in {1, 2} else head & 15
        if keep is not None:
            return [self._value(kind, keep, depth + 1) for _ in range(count)]
        for _ in range(count):
            self._value(kind, None, depth + 1)
        return None

    def _byte(self) -> int:
        value = self._data[self.place]
        self.place += 1
        return value

    def _bytes(self, count: int) -> bytes:
        value = self._data[self.place : self.place + count]
        self.place += count
        if len(value) < count:
            raise IndexError
        return value

    def _varint(self) -> int:
        value = shift = 0
        while shift < 70:
            byte = self._byte()
            value |= (byte & 127) << shift
            if byte < 128:
                return value
            shift += 7
        raise Malformed("Number")

    def _zigzag(self) -> int:
        value = self._varint()
        return (value >> 1) ^ -(value & 1)
