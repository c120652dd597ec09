"""Reaching files where they lie: fsspec's file systems, credentials that no configuration holds, another try where it may help.

Credentials come from the environment, as each file system reads it, or from an Airflow connection that the source names. They live
in memory only: in no digest, file, log or message.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import fsspec
from fsspec.registry import known_implementations

from pipeline.address import is_remote, protocol_of
from pipeline.errors import ConfigError, SourceUnavailable
from pipeline.source import Source

T = TypeVar("T")

ATTEMPTS = 5
"""How often an object store is asked for the same thing before a file counts as unreadable."""
FIRST_WAIT = 0.5
"""Seconds before the second attempt; each further wait is twice as long (7.5 s in all)."""
BLOCK_BYTES = 8 * 2**20
"""How much of an object is fetched, and held, at a time."""

_PERMANENT = (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError, ImportError)
_S3 = frozenset({"s3", "s3a"})
# The store's own clients try again as well; one place decides how often.
_S3_ONCE = {"connect_timeout": 10, "read_timeout": 60, "retries": {"total_max_attempts": 1}}


@dataclass(frozen=True)
class Access:
    """What a source's file systems are opened with. It is handed to workers with their task and shown nowhere."""

    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, repr=False)
    """Options of the file systems, by protocol."""


OPEN = Access()
"""Access by what the environment gives."""


def access_of(source: Source) -> Access:
    """Return what the source's files are reached with: its Airflow connection, or what the environment gives.

    Raises
    ------
    ConfigError
        If the connection does not exist or cannot be used.
    """
    protocols = {protocol_of(path) for path in source.paths if is_remote(path)}
    if source.connection is None or not protocols:
        return OPEN
    connection = _connection(source.name, source.connection)
    return Access({name: (_s3_options if name in _S3 else _other_options)(connection) for name in sorted(protocols)})


def _connection(source: str, name: str) -> Any:
    """Return an Airflow connection by Airflow's own means: AIRFLOW_CONN_<ID>, its secrets backend or its database."""
    from airflow.sdk import BaseHook
    from airflow.sdk.exceptions import AirflowNotFoundException, AirflowRuntimeError

    try:
        return BaseHook.get_connection(name)
    except AirflowRuntimeError as error:
        raise SourceUnavailable(
            f"source '{source}': Airflow does not answer for the connection '{name}' ({type(error).__name__}); run again"
        ) from None
    except (AirflowNotFoundException, ValueError, TypeError, ImportError, OSError, RuntimeError) as error:
        raise ConfigError(
            f"source '{source}': the Airflow connection '{name}' cannot be read ({type(error).__name__}); add it in Airflow, or set "
            f"AIRFLOW_CONN_{name.upper()} in the environment"
        ) from None


def _s3_options(connection: Any) -> dict[str, Any]:
    """Return s3fs's options for a connection of Airflow's `aws` kind."""
    extra = dict(connection.extra_dejson or {})
    found = {
        "key": connection.login or extra.get("aws_access_key_id"),
        "secret": connection.password or extra.get("aws_secret_access_key"),
        "token": extra.get("aws_session_token"),
        "endpoint_url": extra.get("endpoint_url"),
        "profile": extra.get("profile_name"),
    }
    options = {name: value for name, value in found.items() if value}
    if region := extra.get("region_name"):
        options["client_kwargs"] = {"region_name": region}
    return options


def _other_options(connection: Any) -> dict[str, Any]:
    """Return the options of any other file system: user and password under their usual names, and all that `extra` holds."""
    login = {"username": connection.login, "password": connection.password}
    return {name: value for name, value in login.items() if value} | dict(connection.extra_dejson or {})


def filesystem(source: str, uri: str, access: Access) -> tuple[Any, str]:
    """Return the file system of an address and the address's path in it.

    Raises
    ------
    ConfigError
        If no file system of that name is known, or its package is missing.
    """
    protocol = protocol_of(uri)
    try:
        kind = fsspec.get_filesystem_class(protocol)
    except (ValueError, ImportError):
        known = fsspec.available_protocols()
        what = known_implementations.get(protocol, {}).get("err") if protocol in known else None
        said = f"a package is missing ({what})" if what else f"no file system is called '{protocol}'"
        raise ConfigError(
            f"source '{source}': {protocol}:// cannot be read, {said}; install it or correct the path"
        ) from None
    options = dict(access.options.get(protocol, {}))
    if protocol in _S3:
        options = {"default_block_size": BLOCK_BYTES, "config_kwargs": _S3_ONCE} | options
    # A cached listing would hide that an object changed or went.
    found = kind(**options, use_listings_cache=False)
    if protocol in _S3:
        found.retries = 1
    return found, str(kind._strip_protocol(uri))  # noqa: SLF001 - fsspec's only way from an address to a path


def patiently(act: Callable[[], T], *, after_failure: Callable[[], object] = lambda: None) -> T:
    """Return what `act` returns; try again, a bounded number of times and ever later, where what it raised may pass."""
    for attempt in range(ATTEMPTS):
        try:
            return act()
        except Exception as error:
            after_failure()
            if attempt + 1 == ATTEMPTS or not may_pass(error):
                raise
            time.sleep(FIRST_WAIT * 2**attempt)
    raise AssertionError  # the last attempt returned or raised


def may_pass(error: Exception) -> bool:
    """Return whether a storage's error may be gone at the next try: not what is missing, forbidden or wrongly named."""
    cause = error.__cause__
    if isinstance(error, FileNotFoundError) and cause is not None:
        # fsspec's HTTP says of every failure that the file was not found; the answer's status stands behind it.
        status = getattr(cause, "status", None)
        return not isinstance(cause, _PERMANENT) and (status is None or status >= 500 or status == 429)
    return not isinstance(error, (*_PERMANENT, ConfigError, TypeError)) and type(error).__name__ != "FileExpired"
