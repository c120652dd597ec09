"""Addresses of files: what a configuration may say in one, and what it may not."""

from __future__ import annotations

import re

_SECRET_PARAMETER = re.compile(
    r"[?&;]([\w-]*(key|keyid|token|secret|signature|credential|password|passwd)|sig|auth|authorization)=", re.IGNORECASE
)
_CHAINED = re.compile(r"^\w+::|::\w+://")
_WITH_PORT = frozenset({"http", "https", "ftp", "sftp", "ssh", "smb", "hdfs", "webhdfs"})
"""Protocols whose addresses name a host, so that a colon may stand before its port."""


def is_remote(path: str) -> bool:
    """Return whether a path is an address (`s3://bucket/prefix/`) and not a local file, folder or glob."""
    return "://" in path


def protocol_of(uri: str) -> str:
    """Return an address's protocol.

    >>> protocol_of("s3://bucket/a.jsonl")
    's3'
    """
    return uri.partition("://")[0]


def has_credentials(path: str) -> bool:
    """Return whether an address holds a password, key or signature, which no configuration may.

    >>> has_credentials("s3://AKIA:abc/def@bucket/x"), has_credentials("https://a.org:8080/x"), has_credentials("s3://b/a:1@2")
    (True, False, False)
    >>> has_credentials("https://a.org/x?X-Amz-Signature=12"), has_credentials("abfs://box@account.dfs.example/x")
    (True, False)
    """
    if not is_remote(path):
        return False
    protocol, _, rest = path.partition("://")
    place = re.split(r"[/?#]", rest, maxsplit=1)[0]
    if _SECRET_PARAMETER.search(rest):
        return True
    user, _, host = place.rpartition("@")
    if ":" in user:
        return True
    # A key with a slash in it ends what looks like the host: `s3://KEY:one/two@bucket`.
    _, colon, port = re.sub(r"^\[[0-9a-fA-F:]*\]", "", host).partition(":")
    return bool(colon) and not (protocol in _WITH_PORT and (port.isdigit() or not port))


def is_chained(path: str) -> bool:
    """Return whether an address leads through several file systems (`zip://a.jsonl::s3://bucket/a.zip`).

    >>> is_chained("simplecache::s3://b/a"), is_chained("s3://b/a::b.jsonl")
    (True, False)
    """
    return bool(_CHAINED.search(path))
