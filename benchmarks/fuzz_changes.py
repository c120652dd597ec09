"""How the fuzzer changes a file: its bytes, and the structure of JSON and of tags, which changed bytes seldom leave whole."""

from __future__ import annotations

import copy
import json
import random
import re
from collections.abc import Callable
from typing import Any

LARGEST = 128 * 2**10
"""Bytes of an input, at most: large enough for the square of something to show, small enough for very many of them."""

TOKENS = [
    b"\x00", b"\xff" * 8, b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\r\n", b"\r\n\r\n", b"\n" * 500, b"\\ud800", b"\\u0000", b"{" * 300, b"[" * 2_000, b"9" * 400, b"-1", b"1e999", b"NaN", b'""', b"null", b"true",
    b"WARC/1.1\r\n", b"WARC/1.0\r\nContent-Length: 9999999999999999\r\n\r\n", b"Content-Length: -5\r\n", b"HTTP/1.1 200 OK\r\n\r\n", b"\x1f\x8b\x08\x00", b"\x28\xb5\x2f\xfd", b"\x04\x22\x4d\x18", b"PAR1", b"BZh9", b"\xfd7zXZ\x00", b"http://a/ 1.1.1.1 20140216050221 text/html 9\n",
    b"<div>" * 500, b"<!--", b"<![CDATA[", b"<p a=" + b"b c=" * 200, b"&#xD800;", b"&amp" * 100, b"<!ENTITY a '&a;&a;'>", b"&nbsp;", b'<?xml version="1.0" encoding="utf-16"?>', b'"' * 99, b"," * 99, b'b",",""\n' * 20, b"Transfer-Encoding: chunked\r\n\r\nffffffffffffff\r\n", b"charset=utf-7", b"charset=undefined",
    b"---\n", b"+++\n", b"a: &a [b]\nc: *a\n", b"<<: *a\n", b"? [a, b]\n", b"!!binary x", b"!!python/object:os.system", b"0001-01-01 00:00:00 +23:59", b"[" * 60 + b"a," * 60, b"a.a.a.a.a.a.a.a = 1\n", b"\xc3\xa3\xc2\x83", b"\xc2\x85", b"a\xcc\x88" * 50, b"@a@" * 99, b"/u/" * 99,
]  # fmt: skip
NUMBERS = [0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**63, 2**64 - 1]
ODD_VALUES: list[Any] = [
    None, True, False, 0, -1, 7, 2**63, 2**200, 1e308, float("nan"), float("inf"), "", " ", "\x00", "\ud800", "a" * 5_000, "[deleted]", "http://[", "http://a/", "at://", "t3_a", "2024-13-45", "9" * 30,
    [], {}, [None], [[]], ["a", 1], {"a": None}, {"id": {}}, {"type": ["Note"]}, {"type": {}}, [{"type": "Mention", "name": 1}], {"uri": 5}, {"values": 5}, [{"features": 5}], [{"features": [5], "index": 5}],
]  # fmt: skip
_DIGITS = re.compile(rb"\d{1,20}")
_TAG = re.compile(rb"(<[^<>]{0,500}>)")


def mutated(content: bytes, others: list[bytes], dice: random.Random) -> bytes:
    """Return the content with a few changes of its bytes; `others` are files of which pieces are taken."""
    data = bytearray(content)
    for _ in range(dice.choice((1, 1, 2, 3, 5, 9))):
        place = dice.randrange(len(data) + 1)
        end = min(len(data), place + dice.choice((1, 2, 4, 8, 64, 1_000)))
        dice.choice(CHANGES)(data, place, end, others, dice)
        del data[LARGEST:]
    return bytes(data)


def flip(data: bytearray, place: int, _: int, __: list[bytes], dice: random.Random) -> None:
    if place < len(data):
        data[place] ^= 1 << dice.randrange(8)


def randomise(data: bytearray, place: int, end: int, _: list[bytes], dice: random.Random) -> None:
    data[place:end] = dice.randbytes(end - place)


def insert(data: bytearray, place: int, _: int, __: list[bytes], dice: random.Random) -> None:
    data[place:place] = dice.choice(TOKENS)


def replace(data: bytearray, place: int, end: int, _: list[bytes], dice: random.Random) -> None:
    data[place:end] = dice.choice(TOKENS)


def remove(data: bytearray, place: int, end: int, _: list[bytes], __: random.Random) -> None:
    data[place:end] = b""


def repeat(data: bytearray, place: int, end: int, _: list[bytes], dice: random.Random) -> None:
    data[place:place] = bytes(data[place:end]) * dice.choice((1, 2, 50, 2_000))


def cut(data: bytearray, place: int, _: int, __: list[bytes], ___: random.Random) -> None:
    del data[place:]


def splice(data: bytearray, place: int, end: int, others: list[bytes], dice: random.Random) -> None:
    other = dice.choice(others)
    start = dice.randrange(len(other) + 1)
    data[place:end] = other[start : start + dice.choice((4, 100, 5_000))]


def renumber(data: bytearray, _: int, __: int, ___: list[bytes], dice: random.Random) -> None:
    if numbers := list(_DIGITS.finditer(data)):
        hit = dice.choice(numbers)
        data[hit.start() : hit.end()] = str(dice.choice(NUMBERS) * dice.choice((1, 1, -1))).encode()


def overwrite(data: bytearray, place: int, _: int, __: list[bytes], dice: random.Random) -> None:
    width = dice.choice((1, 2, 4, 8))
    value = dice.choice(NUMBERS) & (2 ** (8 * width) - 1)
    data[place : place + width] = value.to_bytes(width, dice.choice(("little", "big")))


CHANGES = (flip, randomise, insert, replace, remove, repeat, cut, splice, renumber, overwrite)


def reshaped(content: bytes, dice: random.Random) -> bytes:
    """Return JSON with some of its values replaced, removed, repeated or moved; what is no JSON as it is."""
    try:
        top = [json.loads(content)]
    except ValueError:
        return content
    for turn in range(dice.choice((1, 1, 2, 4))):
        places = places_of(top)
        holder, key = dice.choice(places)
        act = dice.randrange(4)
        if act == 0:
            holder[key] = copy.deepcopy(dice.choice(ODD_VALUES))
        elif act == 1 and holder is not top:
            del holder[key]
        elif act == 2 and isinstance(holder, list) and turn == 0:  # once: copies of copies would fill the memory
            holder[key:key] = [holder[key]] * dice.choice((1, 3, 300))
        else:
            other, place = dice.choice(places)
            holder[key] = copy.deepcopy(other[place])
    return json.dumps(top[0] if top else None, ensure_ascii=dice.random() < 0.8).encode("utf-8", "surrogatepass")[
        :LARGEST
    ]


def places_of(value: Any) -> list[tuple[Any, Any]]:
    """Return the holder of every value below one, and its key there; of very many the first."""
    found: list[tuple[Any, Any]] = []
    waiting = [value]
    while waiting and len(found) < 2_000:
        holder = waiting.pop()
        keys = range(len(holder)) if isinstance(holder, list) else list(holder)
        found += [(holder, key) for key in keys]
        waiting += [holder[key] for key in keys if isinstance(holder[key], dict | list)]
    return found


def retagged(content: bytes, dice: random.Random) -> bytes:
    """Return XML or HTML with some of its tags and what lies between them repeated, moved, removed or nested."""
    pieces = _TAG.split(content)
    for _ in range(dice.choice((1, 1, 2, 4))):
        place = dice.randrange(len(pieces) + 1)
        run = pieces[place : place + dice.choice((1, 2, 3, 8, 20))]
        act = dice.randrange(4)
        if act == 0:
            pieces[place:place] = run * dice.choice((1, 2, 30, 1_000))
        elif act == 1:
            del pieces[place : place + len(run)]
        elif act == 2:
            other = dice.randrange(len(pieces) + 1)
            pieces[other:other] = run
        else:
            names = [piece for piece in pieces if piece.startswith(b"<") and piece[1:2].isalpha()]
            pieces[place:place] = [dice.choice(names)] * dice.choice((1, 10, 250)) if names else []
    return b"".join(pieces)[:LARGEST]


SHAPES: dict[str, Callable[[bytes, random.Random], bytes]] = {"json": reshaped, "tags": retagged}
"""Changes of structure, by what a file is made of."""
