"""Licensed content: what installed packages say of themselves, with the licences they state.

Descriptions, licence files and module docstrings of Python packages, and Debian's copyright files where there are any. Licence
files repeat from package to package, and authors leave their addresses: the duplicates and personal data are natural.
"""

from __future__ import annotations

import ast
import functools
import importlib.metadata
import itertools
import re
import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast

if TYPE_CHECKING:
    from collections.abc import Iterator
    from email.message import Message

CLASSIFIERS = {
    "Apache Software License": "Apache-2.0",
    "MIT License": "MIT",
    "MIT No Attribution License (MIT-0)": "MIT-0",
    "ISC License (ISCL)": "ISC",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
    "The Unlicense (Unlicense)": "Unlicense",
    "zlib/libpng License": "Zlib",
    "GNU General Public License v3 or later (GPLv3+)": "GPL-3.0-or-later",
    "GNU Lesser General Public License v3 (LGPLv3)": "LGPL-3.0-only",
    "GNU Lesser General Public License v2 or later (LGPLv2+)": "LGPL-2.0-or-later",
}
"""Trove classifiers that stand for one SPDX identifier; "BSD License" and the like do not, and give none."""

_SPDX_LIKE = re.compile(
    r"(MIT|ISC|Zlib|Unlicense|0BSD|PSF-2\.0|(Apache|BSD|MPL|L?GPL|CC|EPL)-[\w.-]+)( (AND|OR) [\w.-]+)*"
)
_DOCSTRING = re.compile(r"(?:\s|#[^\n]*\n)*([rRuU]?(?:\"\"\"[\s\S]*?\"\"\"|'''[\s\S]*?'''))")
_LICENSE_FILE = re.compile(r"(licen[cs]e|copying|notice|authors|contributors)", re.IGNORECASE)
_HEAD = 40_000
_LONGEST = 200_000
_PER_PACKAGE = 40
_FEWEST_WORDS = 60
_SCANNED = 400


class Entry(NamedTuple):
    """One document of the licensed source."""

    id: str
    url: str
    license: str | None
    text: str


def licensed_entries(debian: Path = Path("/usr/share/doc")) -> Iterator[Entry]:
    """Yield descriptions and licence files, docstrings, copyright files, each kind sorted by package."""
    for package in installed():
        yield from _package(package)
    yield from _docstrings({package.name.lower(): spdx(package.metadata) for package in installed()})
    for file in sorted(debian.glob("*/copyright")):
        if text := read_text(file):
            yield Entry(f"{file.parent.name}/copyright", f"pkg:deb/debian/{file.parent.name}#copyright", None, text)


class Package(NamedTuple):
    """An installed distribution, its metadata parsed once."""

    name: str
    version: str
    metadata: Message
    distribution: importlib.metadata.Distribution


@functools.cache
def installed() -> tuple[Package, ...]:
    """Return all installed distributions, sorted by name."""
    found = []
    for distribution in importlib.metadata.distributions():
        metadata = cast("Message", distribution.metadata)  # its declared type knows less than an e-mail message can
        found.append(Package(str(metadata.get("Name")), str(metadata.get("Version")), metadata, distribution))
    return tuple(sorted(found, key=lambda package: (package.name.lower(), package.version)))


def description_of(metadata: Message) -> str:
    """Return the long description, from its header or the body."""
    text = str(metadata.get("Description") or metadata.get_payload() or "").strip()
    return "" if text == "UNKNOWN" else text


def spdx(metadata: Message) -> str | None:
    """Return the SPDX expression that a package's metadata states, None where it is not sure."""
    if expression := metadata.get("License-Expression"):
        return str(expression)
    stated = {
        CLASSIFIERS.get(value.rpartition(" :: ")[2])
        for value in metadata.get_all("Classifier") or []
        if value.startswith("License :: ")
    } - {None}
    if len(stated) == 1:
        return stated.pop()
    name = " ".join((metadata.get("License") or "").split())
    return name if _SPDX_LIKE.fullmatch(name) else None


def read_text(file: Path) -> str:
    """Return a file's text, or an empty string if it cannot be read, is no UTF-8 or is huge."""
    try:
        return file.read_text(encoding="utf-8").strip() if file.stat().st_size <= _LONGEST else ""
    except (OSError, UnicodeDecodeError):
        return ""


@functools.cache
def top_level_modules() -> tuple[tuple[str, str, Path], ...]:
    """Return (distribution, top-level name, its folder) of the standard library's and all installed packages, sorted."""
    library = Path(sysconfig.get_path("stdlib"))
    found = [("", name, library / name) for name in sorted(sys.stdlib_module_names)]
    site = Path(sysconfig.get_path("purelib"))
    for name, owners in sorted(importlib.metadata.packages_distributions().items()):
        found.append((owners[0], name, site / name))
    return tuple(item for item in found if item[2].is_dir() and not item[1].startswith("_"))


@functools.cache
def source_files(folder: Path) -> tuple[Path, ...]:
    """Return the first `_SCANNED` modules of a package in order of path, tests left out."""
    skipped = {"tests", "test", "testing", "_vendor", "vendor"}
    found = (file for file in sorted(folder.rglob("*.py")) if skipped.isdisjoint(file.relative_to(folder).parts))
    return tuple(itertools.islice(found, _SCANNED))


def _package(package: Package) -> Iterator[Entry]:
    """Yield a package's description, with its authors as its metadata names them, and its licence files."""
    metadata = package.metadata
    address = f"pkg:pypi/{package.name.lower()}@{package.version}"
    license_name = spdx(metadata)
    if description := description_of(metadata):
        authors = metadata.get("Author-email") or metadata.get("Author") or ""
        text = "\n\n".join(part for part in (str(metadata.get("Summary") or ""), description, f"Author: {authors}" * bool(authors)) if part)  # fmt: skip
        yield Entry(f"{package.name}/description", f"{address}#description", license_name, text)
    for file in sorted(package.distribution.files or (), key=str):
        if not (file.parts[0].endswith(".dist-info") and _LICENSE_FILE.match(file.name)):
            continue
        if text := read_text(Path(str(file.locate()))):
            place = "/".join(file.parts[1:])
            yield Entry(f"{package.name}/{place}", f"{address}#{place}", license_name, text)


def _docstrings(licenses: dict[str, str | None]) -> Iterator[Entry]:
    """Yield the module docstrings of some length, a few a package; nothing is imported."""
    for owner, name, folder in top_level_modules():
        taken = 0
        for file in source_files(folder):
            if taken >= _PER_PACKAGE:
                break
            text = module_docstring(file)
            if len(text.split()) >= _FEWEST_WORDS:
                taken += 1
                module = ".".join((name, *file.relative_to(folder).with_suffix("").parts)).removesuffix(".__init__")
                package = f"pkg:pypi/{owner.lower()}" if owner else "pkg:generic/python"
                stated = licenses.get(owner.lower()) if owner else "PSF-2.0"
                yield Entry(f"{module}/docstring", f"{package}#{module}", stated, text)


def module_docstring(file: Path) -> str:
    """Return a module's docstring without parsing the module; an empty string where there is none."""
    try:
        with file.open(encoding="utf-8") as stream:
            match = _DOCSTRING.match(stream.read(_HEAD))
        return str(ast.literal_eval(match[1])).strip() if match else ""
    except (OSError, UnicodeDecodeError, ValueError, SyntaxError):
        return ""
