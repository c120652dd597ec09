"""Captures documentation pages into a real WARC: a server on loopback renders them, a client fetches them over HTTP."""

from __future__ import annotations

import http.client
import http.server
import io
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SECONDS = 15.0
"""Longest time for all pages; what is captured by then is the demo's crawl."""

SKIPPED = frozenset({"antigravity", "this", "idlelib", "turtledemo", "turtle", "tkinter", "test", "lib2to3"})
"""Modules that do something when imported, or need a screen."""


def module_names() -> list[str]:
    """Return the public modules of the standard library, in order."""
    return [name for name in sorted(sys.stdlib_module_names) if not name.startswith("_") and name not in SKIPPED]


def capture_pages(file: Path, limit: int) -> int:
    """Write the documentation of up to `limit` modules to a gzip WARC and return how many pages it holds."""
    from warcio.statusandheaders import StatusAndHeaders
    from warcio.warcwriter import WARCWriter

    deadline = time.monotonic() + SECONDS
    pages = 0
    with _server() as port, file.open("wb") as sink:
        writer = WARCWriter(sink, gzip=True)
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        for name in module_names()[:limit]:
            if time.monotonic() > deadline:
                break
            connection.request("GET", f"/{name}.html", headers={"User-Agent": "sluice-demo"})
            response = connection.getresponse()
            headers = StatusAndHeaders(
                f"{response.status} {response.reason}", response.getheaders(), protocol="HTTP/1.1"
            )
            body = io.BytesIO(response.read())
            # The address that the page would have; the port of a moment says nothing.
            url = f"http://localhost/pydoc/{name}.html"
            writer.write_record(writer.create_warc_record(url, "response", payload=body, http_headers=headers))
            pages += response.status == http.HTTPStatus.OK
        connection.close()
    return pages


class _Pages(http.server.BaseHTTPRequestHandler):
    """Renders a module's documentation."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:  # noqa: N802 - the base class's name
        """Answer with the page, or 404 where the module cannot be imported here."""
        import pydoc

        name = self.path.strip("/").removesuffix(".html")
        try:
            if name not in module_names():
                raise KeyError(name)  # noqa: TRY301 - one place for "no such page"
            found, _ = pydoc.resolve(name)
            page = pydoc.html.page(f"Python: module {name}", pydoc.html.document(found, name))
            status, body = http.HTTPStatus.OK, page.encode("utf-8", "replace")
        except (Exception, SystemExit):  # noqa: BLE001 - a module of another platform may fail in any way
            status, body = http.HTTPStatus.NOT_FOUND, b"<html><body>no such module here</body></html>"
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Stay silent."""


@contextmanager
def _server() -> Iterator[int]:
    """Serve pages on a free port of the loopback interface."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Pages)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
