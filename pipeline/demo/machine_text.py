"""Text that lies on a machine: what installed packages say of themselves, and Debian's documentation files."""

from __future__ import annotations

import ast
import gzip
import importlib.metadata
import re
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Any

DEBIAN_DOCS = Path("/usr/share/doc")
MIN_WORDS, MAX_CHARACTERS = 60, 40_000
MIN_POST_WORDS = 20
DOCSTRINGS_A_PACKAGE = 25
POSTS_A_FILE = 12
_CHANGES = re.compile(r"^(changelog|changes|history|news|release[_-]?notes)(\.(md|rst|txt))?$", re.IGNORECASE)
_CLASSIFIERS = {
    "License :: OSI Approved :: MIT License": "MIT",
    "License :: OSI Approved :: Apache Software License": "Apache-2.0",
    "License :: OSI Approved :: BSD License": "BSD-3-Clause",
    "License :: OSI Approved :: ISC License (ISCL)": "ISC",
    "License :: OSI Approved :: Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "License :: OSI Approved :: Python Software Foundation License": "PSF-2.0",
}
"""Trove classifiers that name one SPDX licence; BSD is taken for its three-clause form, which nearly all of them are."""

_WORDS = {"mit": "MIT", "mit license": "MIT", "apache 2.0": "Apache-2.0", "apache-2.0": "Apache-2.0", "bsd": "BSD-3-Clause",
          "bsd-3-clause": "BSD-3-Clause", "isc": "ISC", "mpl-2.0": "MPL-2.0", "psf": "PSF-2.0"}  # fmt: skip


def licensed() -> Iterator[dict[str, Any]]:
    """Yield descriptions, licence files and docstrings of installed packages, then Debian's copyright files."""
    packages = sorted(importlib.metadata.distributions(), key=lambda entry: (entry.metadata["Name"] or "").lower())
    for package in packages:
        yield from _of_package(package)
    for file in sorted(DEBIAN_DOCS.glob("*/copyright")):
        text = _read(file)
        if text and len(text.split()) >= MIN_WORDS:
            yield {
                "id": f"debian/{file.parent.name}/copyright",
                "url": None,
                "license": None,
                "date": None,
                "text": text,
            }


def _of_package(package: importlib.metadata.Distribution) -> Iterator[dict[str, Any]]:
    metadata = package.metadata
    name, version = metadata["Name"], metadata["Version"]
    license_ = spdx(metadata)
    home = metadata["Home-page"] or next(iter(metadata.get_all("Project-URL") or []), None)
    common = {"license": license_, "url": home.split(", ")[-1] if home else None, "date": None}
    # Who wrote it is part of the page that an index shows, addresses and all.
    authors = [f"{key}: {metadata[key]}" for key in ("Author", "Author-email", "Maintainer-email") if metadata[key]]
    description = "\n".join(
        [
            f"{name} {version}",
            metadata["Summary"] or "",
            *authors,
            "",
            metadata.get_payload() or metadata["Description"] or "",
        ]
    )
    if len(description.split()) >= MIN_WORDS:
        yield {"id": f"{name}/{version}/description", **common, "text": description[:MAX_CHARACTERS]}
    docstrings = 0
    for file in sorted(package.files or (), key=str):
        path = Path(str(package.locate_file(file)))
        if re.match(r"(?i)(licen[cs]e|copying|notice)", file.name) and file.suffix in {"", ".txt", ".md", ".rst"}:
            text = _read(path)
            if text and len(text.split()) >= MIN_WORDS:
                yield {"id": f"{name}/{version}/{file}", **common, "text": text}
        elif file.suffix == ".py" and docstrings < DOCSTRINGS_A_PACKAGE and "test" not in str(file):
            text = _docstring(path)
            if text and len(text.split()) >= MIN_WORDS:
                docstrings += 1
                yield {"id": f"{name}/{version}/{file}", **common, "text": text}


def spdx(metadata: Any) -> str | None:
    """Return the licence that a package's metadata states, as SPDX; None where it cannot be told."""
    if metadata["License-Expression"]:
        return str(metadata["License-Expression"])
    for classifier in metadata.get_all("Classifier") or ():
        if classifier in _CLASSIFIERS:
            return _CLASSIFIERS[classifier]
    return _WORDS.get((metadata["License"] or "").strip().lower())


def posts() -> Iterator[dict[str, Any]]:
    """Yield entries of change logs as posts: Debian's, then those that packages install."""
    for file in sorted(DEBIAN_DOCS.glob("*/changelog*.gz")):
        for number, entry in enumerate(debian_entries(_read(file) or "")):
            if number == POSTS_A_FILE:
                break
            yield {"id": f"debian/{file.parent.name}/{number}", "text": entry, "license": None}
    site = Path(sysconfig.get_paths()["purelib"])
    for file in sorted(path for path in site.rglob("*") if _CHANGES.match(path.name) and path.is_file()):
        for number, entry in enumerate(sections(_read(file) or "")):
            yield {"id": f"{file.relative_to(site).as_posix()}/{number}", "text": entry, "license": None}


def debian_entries(text: str) -> Iterator[str]:
    """Yield the entries of a Debian changelog: the package's line, what changed, and who signed it."""
    for entry in re.split(r"(?m)^(?=\S+ \([^)]+\) )", text):
        if len(entry.split()) >= MIN_POST_WORDS:
            yield entry.strip()[:5_000]


def sections(text: str) -> Iterator[str]:
    """Yield the sections of a change log in Markdown or reST."""
    for entry in re.split(r"(?m)^(?=#{1,3} )|^(?=[^\n]+\n[=\-~]{4,}$)", text):
        if len(entry.split()) >= MIN_POST_WORDS:
            yield entry.strip()[:5_000]


def _docstring(file: Path) -> str | None:
    text = _read(file)
    if not text or len(text) > 2_000_000:
        return None
    try:
        return ast.get_docstring(ast.parse(text))
    except (SyntaxError, ValueError, RecursionError):
        return None


def _read(file: Path) -> str | None:
    """Return a file's text, unpacked and bounded; None where it is no text."""
    try:
        data = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
        return data[: 4 * 2**20].decode("utf-8")[: MAX_CHARACTERS * 8]
    except (OSError, EOFError, ValueError):
        return None
