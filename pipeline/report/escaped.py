"""Bytes of hostile origin, written so that they cannot drive a terminal."""

from __future__ import annotations

from collections.abc import Iterator

_WIDTH = 16


def escaped(content: bytes) -> str:
    r"""Return bytes as text: line ends and printable characters as they are, every other byte spelt out.

    Among what is spelt out are escape sequences, control characters, marks that turn the direction of writing, and what is no UTF-8.

    >>> escaped("caf\u00e9 \x1b[2J\u202e".encode() + b"\xff\\\n")
    'café \\x1b[2J\\xe2\\x80\\xae\\xff\\\\\n'
    """
    return "".join(_spelt(character) for character in content.decode("utf-8", "surrogateescape"))


def _spelt(character: str) -> str:
    if character == "\\":
        return "\\\\"
    if character == "\n" or character.isprintable():
        return character
    return "".join(f"\\x{byte:02x}" for byte in character.encode("utf-8", "surrogateescape"))


def hexdump(content: bytes) -> Iterator[str]:
    r"""Yield lines of an offset, sixteen bytes in hexadecimal, and those of them that are printable ASCII.

    >>> list(hexdump(b"WARC/1.1\r\n"))
    ['00000000  57 41 52 43 2f 31 2e 31 0d 0a                    WARC/1.1..']
    """
    for start in range(0, len(content), _WIDTH):
        row = content[start : start + _WIDTH]
        shown = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
        yield f"{start:08x}  {row.hex(' '):<{3 * _WIDTH - 1}}  {shown}"
