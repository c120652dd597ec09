"""What a snapshot of robots.txt files and a do-not-crawl list say of an address.

The snapshot is read once a process. protego decides, not `urllib.robotparser`: the standard library's parser knows no wildcards and
takes the first rule that matches where RFC 9309 (section 2.2.2) takes the longest, and protego matches hostile patterns without
backtracking.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import zlib
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from protego import Protego

from pipeline.errors import UserError
from pipeline.sources.archive import Broken, read_archive
from pipeline.sources.http import BodyError, decode_body
from pipeline.sources.native import guarded
from pipeline.sources.wishes import Wish, refused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.source import ConsentPolicy

_LIMIT = 500 * 2**10
"""Bytes of a robots.txt that are read (RFC 9309, section 2.5)."""
_OK = 200
_FIELD = re.compile(r"[ \t]*(user-agent|content-signal|content-usage)[ \t]*:([^#\r\n]{0,2000})", re.IGNORECASE)
_LINES = re.compile(r"[\r\n]+")


class Rules:
    """A source's snapshot and list, ready to be asked."""

    def __init__(self, policy: ConsentPolicy) -> None:
        self._agents = policy.robots_agents
        self._robots = dict(_snapshot(Path(policy.robots_snapshot))) if policy.robots_snapshot else {}
        self._hosts, self._prefixes = _list(Path(policy.do_not_crawl_list)) if policy.do_not_crawl_list else (set(), ())
        self._parsed = lru_cache(maxsize=1_024)(self._parse)

    def of(self, uri: str | None) -> list[Wish]:
        """Return what they say of an address; nothing where the snapshot does not know the site."""
        site = origin(uri)
        if uri is None or site is None:
            return []
        wishes = [Wish("do_not_crawl", "list:do-not-crawl")] if self._is_listed(uri, site) else []
        if site in self._robots:
            parsed, signals = self._parsed(site)
            agent = next((name for name in self._agents if not parsed.can_fetch(uri, name)), None)
            wishes += [Wish("robots_txt", f"robots_txt:{agent}")] if agent is not None else []
            wishes += signals
        return wishes

    def _is_listed(self, uri: str, site: str) -> bool:
        host = site.partition("://")[2].rpartition(":")[0]
        labels = host.split(".")
        return any(".".join(labels[i:]) in self._hosts for i in range(len(labels))) or uri.startswith(self._prefixes)

    def _parse(self, site: str) -> tuple[Any, list[Wish]]:
        text = zlib.decompress(self._robots[site]).decode("utf-8", "replace")
        return Protego.parse(text), _signals(text, self._agents)


def rules_of(policy: ConsentPolicy) -> Rules | None:
    """Return the rules that a policy names; None where it names neither. Files that did not change are read once a process.

    Raises
    ------
    UserError
        If a file is missing or is no snapshot.
    """
    named = [Path(path) for path in (policy.robots_snapshot, policy.do_not_crawl_list) if path]
    if not named:
        return None
    return _rules(policy, tuple(_version(path) for path in named))


@lru_cache(maxsize=8)
def _rules(policy: ConsentPolicy, _: tuple[tuple[int, int], ...]) -> Rules:
    return Rules(policy)


def _version(path: Path) -> tuple[int, int]:
    with _opened(path) as stream:
        status = os.fstat(stream.fileno())
    return status.st_size, status.st_mtime_ns


def digests(policy: ConsentPolicy) -> dict[str, str]:
    """Return the sha256 of the files that a policy names: what decides, wherever they lie."""
    named = {"robots_snapshot": policy.robots_snapshot, "do_not_crawl_list": policy.do_not_crawl_list}
    return {name: hashlib.sha256(_content(Path(path))).hexdigest() for name, path in named.items() if path}


def origin(uri: str | None) -> str | None:
    """Return scheme, host and port of an address; None for what is none.

    >>> origin("HTTPS://Example.org/x")
    'https://example.org:443'
    """
    try:
        parts = urlsplit(uri or "")
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return None
    return f"{parts.scheme}://{parts.hostname.rstrip('.')}:{port}" if parts.hostname and port else None


def _snapshot(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield each site's robots.txt, packed: from a WARC of such files, or JSON Lines with `url` and `text`; the last one counts."""
    pairs = _of_archive(path) if re.search(r"\.warc(\.\w+)?$", path.name) else _of_lines(path)
    for uri, content in pairs:
        if (site := origin(uri)) is not None:
            yield site, zlib.compress(content[:_LIMIT])


def _of_lines(path: Path) -> Iterator[tuple[str, bytes]]:
    for number, line in enumerate(_content(path).splitlines()):
        if line.strip():
            try:
                value = json.loads(line)
                yield value["url"], value["text"].encode("utf-8", "replace")
            except (ValueError, KeyError, TypeError, AttributeError):
                raise UserError(
                    f"the robots snapshot {path.name} is no JSON Lines with 'url' and 'text' at line {number + 1}; mend the line or remove it"
                ) from None


def _of_archive(path: Path) -> Iterator[tuple[str, bytes]]:
    with _opened(path) as stream:
        for item in read_archive(stream):
            if isinstance(item, Broken) or not item.record.is_http or item.record.http_headers is None:
                continue
            headers = {key.lower(): value for key, value in item.record.http_headers.to_tuples()}
            uri = (item.record.headers.get("WARC-Target-URI") or "").strip("<> ")
            if item.record.http_headers.status_code == _OK and urlsplit(uri).path == "/robots.txt":
                with guarded():
                    payload = item.record.reader.read(_LIMIT)
                try:
                    body = decode_body(
                        payload, headers.get("transfer-encoding", ""), headers.get("content-encoding", ""), _LIMIT
                    )
                except BodyError:
                    continue
                yield uri, body


def _list(path: Path) -> tuple[set[str], tuple[str, ...]]:
    """Return the hosts (with all under them) and the beginnings of addresses that a list names, one a line; # begins a comment."""
    hosts, prefixes = set(), set()
    for line in _content(path).decode("utf-8", "replace").splitlines():
        name = line.partition("#")[0].strip() if "://" not in line else line.strip()
        if "://" in name:
            prefixes.add(name)
        elif name:
            hosts.add(name.lower().removeprefix("*.").rstrip("."))
    return hosts, tuple(sorted(prefixes))


def _signals(text: str, agents: tuple[str, ...]) -> list[Wish]:
    """Return the uses that content signals refuse to all robots, or to one of those that count."""
    wanted = {"*", *(agent.lower() for agent in agents)}
    found: dict[str, Wish] = {}
    group: set[str] = set()
    opened = False
    for line in _LINES.split(text):
        match = _FIELD.match(line)
        if match is None:
            opened = opened and not line.strip()
        elif match[1].lower() == "user-agent":
            group = (group if opened else set()) | {match[2].strip().lower()}
            opened = True
        else:
            opened = False
            if group & wanted or not group:
                found.update({wish.name: wish for wish in refused(match[2], "robots_txt:content-signal")})
    return list(found.values())


def _content(path: Path) -> bytes:
    with _opened(path) as stream:
        return bytes(stream.read())


def _opened(path: Path) -> Any:
    try:
        return path.open("rb")
    except OSError as error:
        raise UserError(
            f"cannot open {path.name}, which a source's consent names ({type(error).__name__}); check the path and that it is readable"
        ) from None
