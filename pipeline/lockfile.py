"""Compares what is installed with `uv.lock`."""

from __future__ import annotations

import tomllib
from importlib import metadata
from typing import TYPE_CHECKING, Any, NamedTuple

from packaging.markers import Marker
from packaging.utils import canonicalize_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

ROOT_PACKAGE = "sluice"


class Difference(NamedTuple):
    """One package that is not as the lock says; a version is None where the package is absent."""

    name: str
    locked: str | None
    installed: str | None


def installed_version(name: str) -> str | None:
    """Return the installed version of a distribution, None if it is absent."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def locked_versions(lock: Path) -> dict[str, str]:
    """Return name and version of every package that `lock` gives this machine: no extra, no development group.

    The lock's markers are evaluated for the running Python and platform, so a package that is locked in two versions counts in
    the one that holds here.
    """
    data = tomllib.loads(lock.read_text(encoding="utf-8"))
    packages: dict[str, list[dict[str, Any]]] = {}
    for package in data["package"]:
        packages.setdefault(package["name"], []).append(package)
    found: dict[str, str] = {}
    seen: set[tuple[str, frozenset[str]]] = set()
    pending: list[dict[str, Any]] = [{"name": ROOT_PACKAGE}]
    while pending:
        wanted = pending.pop()
        package = _pick(packages[wanted["name"]], wanted.get("version"))
        extras = frozenset(wanted.get("extra", ()))
        if (package["name"], extras) in seen:
            continue
        seen.add((package["name"], extras))
        found[package["name"]] = package["version"]
        pending.extend(_here(package, extras))
    del found[ROOT_PACKAGE]
    return found


def differences(lock: Path, version_of: Callable[[str], str | None] = installed_version) -> list[Difference]:
    """Return the packages that are missing or of another version than `lock` says, sorted by name."""
    found = []
    for name, locked in sorted(locked_versions(lock).items()):
        installed = version_of(canonicalize_name(name))
        if installed != locked:
            found.append(Difference(name, locked, installed))
    return found


def _pick(versions: list[dict[str, Any]], version: str | None) -> dict[str, Any]:
    """Return the package of the wanted version; a package that is locked once is referred to without one."""
    return next(package for package in versions if version is None or package["version"] == version)


def _here(package: dict[str, Any], extras: frozenset[str]) -> Iterator[dict[str, Any]]:
    """Yield the dependencies that hold on this machine, those of the named extras among them."""
    dependencies = list(package.get("dependencies", ()))
    for extra in extras:
        dependencies += package.get("optional-dependencies", {}).get(extra, ())
    for dependency in dependencies:
        if "marker" not in dependency or Marker(dependency["marker"]).evaluate():
            yield dependency
