"""Web crawl: Python's own documentation server on the loopback interface, captured into a gzipped WARC.

The pages are real HTTP responses, byte for byte as the server sent them. Their addresses name the host ``pydoc.localhost``
(RFC 6761: always the loopback) without the port, which is another at each start and would make every page a new document.
"""

from __future__ import annotations

import io
import os
import re
import select
import socket
import subprocess
import sys
import sysconfig
import time
from contextlib import contextmanager
from pathlib import Path
from pydoc import Helper
from typing import TYPE_CHECKING
from urllib.parse import quote

from warcio.warcwriter import WARCWriter

if TYPE_CHECKING:
    from collections.abc import Iterator

HOST = "pydoc.localhost"
SKIPPED = {
    "antigravity",
    "this",
    "turtle",
    "turtledemo",
    "tkinter",
    "idlelib",
    "test",
    "lib2to3",
    "ensurepip",
    "msilib",
    "winreg",
}
"""Modules that open windows, print or talk when they are imported, or do not exist here."""
PACKAGES = ("asyncio", "collections", "concurrent", "ctypes", "email", "html", "http", "importlib", "json", "logging", "unittest", "urllib", "wsgiref", "xml")  # fmt: skip
"""Packages whose public modules are fetched as well."""
_PAGE_SECONDS = 5.0
_READY = re.compile(rb"http://[^:\s]+:(\d+)/")


def capture(file: Path, most_pages: int, most_bytes: int, seconds: float) -> int:
    """Fetch pages until a limit is reached and write them to a gzipped WARC; return how many responses were captured.

    A page that does not answer in time is left out; if the server does not start, the file holds its information record only.
    """
    deadline = time.monotonic() + seconds
    captured = size = 0
    with file.open("wb") as stream:
        writer = WARCWriter(stream, gzip=True)
        writer.write_record(
            writer.create_warcinfo_record(file.name, {"software": "sluice", "format": "WARC File Format 1.0"})
        )
        with _server(deadline) as port:
            for path in page_paths() if port else ():
                if captured >= most_pages or size >= most_bytes or time.monotonic() > deadline:
                    break
                request = f"GET {path} HTTP/1.0\r\nHost: {HOST}\r\nAccept: text/html\r\n\r\n".encode()
                response = _fetch(port, request, min(_PAGE_SECONDS, deadline - time.monotonic()))
                if not response.startswith(b"HTTP/"):
                    continue
                _write(writer, path, request, response)
                captured += 1
                size += len(response)
    return captured


def page_paths() -> Iterator[str]:
    """Yield the pages to fetch: the language's topics, which are prose, then the library's modules; each sorted."""
    for topic in sorted({*Helper.topics, *Helper.keywords} - {""}):
        yield f"/topic?key={quote(topic)}"
    library = Path(sysconfig.get_path("stdlib"))
    names = {name for name in sys.stdlib_module_names if not name.startswith("_") and name not in SKIPPED}
    for package in PACKAGES:
        for file in (library / package).rglob("[a-z]*.py"):
            parts = file.relative_to(library).with_suffix("").parts
            if not any(part.startswith(("_", "test", "windows")) for part in parts):
                names.add(".".join(parts))
    for name in sorted(names):
        yield f"/{name}.html"


@contextmanager
def _server(deadline: float) -> Iterator[int]:
    """Run pydoc's server in a process of its own; yield its port, 0 if it did not start."""
    environment = {
        key: value for key, value in os.environ.items() if key in {"PATH", "HOME", "LANG", "LC_ALL", "TMPDIR"}
    }
    process = subprocess.Popen(
        [sys.executable, "-I", "-W", "ignore", "-m", "pydoc", "-n", "127.0.0.1", "-p", "0"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment | {"PYTHONHASHSEED": "0", "BROWSER": "true"},
        cwd="/",
    )
    try:
        yield _port(process, deadline)
    finally:
        process.kill()
        process.communicate()


def _port(process: subprocess.Popen[bytes], deadline: float) -> int:
    """Read the server's greeting until it names its port."""
    if process.stdout is None:
        return 0
    greeting = b""
    while (left := deadline - time.monotonic()) > 0:
        ready, _, _ = select.select([process.stdout], [], [], left)
        block = os.read(process.stdout.fileno(), 4_096) if ready else b""
        if not block:
            return 0
        greeting += block
        if match := _READY.search(greeting):
            return int(match[1])
    return 0


def _fetch(port: int, request: bytes, seconds: float) -> bytes:
    """Send a request and return all bytes of the response; empty if it does not come in time."""
    parts = []
    ends = time.monotonic() + seconds
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=max(seconds, 0.01)) as connection:
            connection.sendall(request)
            while block := connection.recv(2**16):
                parts.append(block)
                if time.monotonic() > ends:
                    return b""
    except OSError:
        return b""
    return b"".join(parts)


def _write(writer: WARCWriter, path: str, request: bytes, response: bytes) -> None:
    """Write a response and the request that it answers."""
    uri = f"http://{HOST}{path}"
    answer = writer.create_warc_record(
        uri, "response", payload=io.BytesIO(response), warc_content_type="application/http; msgtype=response"
    )
    asked = writer.create_warc_record(
        uri, "request", payload=io.BytesIO(request), warc_content_type="application/http; msgtype=request"
    )
    writer.write_request_response_pair(asked, answer)
