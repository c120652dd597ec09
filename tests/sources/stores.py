"""Servers on loopback that stand for object stores: an S3-compatible one, and one in front of it that fails as it is told to."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, NamedTuple

import boto3

Kind = Literal["drop", "short", "500", "503", "slow", "stall"]
KEY, SECRET = "AKIACANARY7QXZ31", "canary/Secret+9b1f7e0c5d"


class Fault(NamedTuple):
    """What happens to the next request for a part of the path."""

    kind: Kind
    path: str
    method: str = "GET"


@dataclass
class Proxy:
    """A server in front of another one."""

    url: str
    faults: list[Fault] = field(default_factory=list)
    """Each happens once, in this order."""
    always: list[Fault] = field(default_factory=list)
    seen: list[tuple[str, str, str]] = field(default_factory=list)
    """Method, path and range of each request."""

    def fault(self, method: str, path: str) -> Kind | None:
        for found in self.faults:
            if found.method == method and found.path in path:
                self.faults.remove(found)
                return found.kind
        return next((found.kind for found in self.always if found.method == method and found.path in path), None)


@contextmanager
def proxy(target: str) -> Iterator[Proxy]:  # noqa: C901 - a handler with its state
    """Run a proxy on a free port of loopback."""
    place = target.removeprefix("http://")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            pass

        def forward(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            state.seen.append((self.command, self.path, self.headers.get("Range") or ""))
            kind = state.fault(self.command, self.path)
            if kind in {"500", "503"}:
                self.answer(
                    int(kind), {"Content-Type": "application/xml"}, b"<Error><Code>InternalError</Code></Error>"
                )
                return
            there = http.client.HTTPConnection(place)
            headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
            there.request(self.command, self.path, body, {**headers, "Host": place})
            answer = there.getresponse()
            data = answer.read()
            kept = {
                k: v
                for k, v in answer.getheaders()
                if k.lower() not in {"connection", "transfer-encoding", "date", "server"}
            }
            there.close()
            if kind == "slow":
                time.sleep(0.3)
            if kind == "drop":
                self.answer(answer.status, kept, data[: len(data) // 2], len(data))
                self.close_connection = True
                self.connection.close()
            elif kind == "short":
                self.answer(answer.status, kept, data[: len(data) // 2])
            else:
                length = kept.get("Content-Length") if self.command == "HEAD" else None
                self.answer(answer.status, kept, data, int(length) if length else None)

        def answer(self, status: int, headers: dict[str, str], body: bytes, length: int | None = None) -> None:
            self.send_response(status)
            for name, value in headers.items():
                if name.lower() != "content-length":
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(body) if length is None else length))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)
                self.wfile.flush()

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = forward  # noqa: N815 - http.server's names

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state = Proxy(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def s3_server() -> Iterator[str]:
    """Run an S3-compatible server on a free port of loopback."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


def client(url: str) -> Any:
    """Return a client that puts objects there."""
    return boto3.client(
        "s3", endpoint_url=url, aws_access_key_id="test", aws_secret_access_key=SECRET, region_name="us-east-1"
    )
