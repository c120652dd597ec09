"""Real documents for benchmarks: the texts of Debian's documentation packages, cut to the length of web documents.

The packages are fetched with the system's own `apt-get download` into a cache folder and read there; their texts are never part of this
project, nor of anything that it publishes. What they are is written beside the corpus: name, version and a digest of the texts.
"""

from __future__ import annotations

import gzip
import hashlib
import html
import random
import re
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

PACKAGES = [
    "anarchism",
    "apt-doc",
    "aptitude-doc-fr",
    "bible-kjv-text",
    "debian-faq",
    "debian-faq-de",
    "debian-faq-fr",
    "debian-faq-it",
    "debian-faq-ja",
    "debian-handbook",
    "debian-history",
    "debian-kernel-handbook",
    "debian-reference-de",
    "debian-reference-en",
    "debian-reference-es",
    "debian-reference-fr",
    "debian-reference-it",
    "debian-reference-ja",
    "debian-reference-pt",
    "debian-reference-zh-cn",
    "developers-reference",
    "developers-reference-de",
    "developers-reference-fr",
    "developers-reference-ja",
    "fortunes",
    "fortunes-cs",
    "fortunes-de",
    "fortunes-es",
    "fortunes-it",
    "fortunes-pl",
    "fortunes-zh",
    "git-doc",
    "linux-doc-6.1",
    "maint-guide",
    "manpages",
    "manpages-de",
    "manpages-dev",
    "manpages-es",
    "manpages-fr",
    "manpages-hu",
    "manpages-it",
    "manpages-ja",
    "manpages-nl",
    "manpages-pl",
    "manpages-pt-br",
    "manpages-ro",
    "manpages-ru",
    "manpages-sr",
    "manpages-sv",
    "manpages-tr",
    "manpages-uk",
    "manpages-vi",
    "manpages-zh",
    "miscfiles",
    "postgresql-doc-15",
    "python3.11-doc",
]
"""Handbooks, manual pages and collections in some twenty languages."""
MORE_PACKAGES = [
    "libreoffice-help-et",
    "libreoffice-help-hi",
    "libreoffice-help-id",
    "libreoffice-help-km",
    "libreoffice-help-sl",
    "libreoffice-help-vi",
    "libreoffice-help-ca",
    "libreoffice-help-cs",
    "libreoffice-help-da",
    "libreoffice-help-de",
    "libreoffice-help-el",
    "libreoffice-help-en-us",
    "libreoffice-help-es",
    "libreoffice-help-eu",
    "libreoffice-help-fi",
    "libreoffice-help-fr",
    "libreoffice-help-gl",
    "libreoffice-help-hu",
    "libreoffice-help-it",
    "libreoffice-help-ja",
    "libreoffice-help-ko",
    "libreoffice-help-nl",
    "libreoffice-help-pl",
    "libreoffice-help-pt",
    "libreoffice-help-pt-br",
    "libreoffice-help-ru",
    "libreoffice-help-sv",
    "libreoffice-help-tr",
    "libreoffice-help-zh-cn",
    "libreoffice-help-zh-tw",
    "erlang-doc",
    "erlang-manpages",
    "freebsd-manpages",
    "racket-doc",
    "python-sympy-doc",
    "python-scipy-doc",
    "python-django-doc",
    "qtbase5-doc-html",
    "lazarus-doc-2.2",
    "lilypond-doc",
    "installation-guide-amd64",
    "db5.3-doc",
    "ada-reference-manual-2020",
    "sqlite3-doc",
    "gnome-devel-docs",
    "debian-edu-doc-en",
    "debian-edu-doc-de",
    "debian-edu-doc-fr",
    "python-astropy-doc",
    "python-statsmodels-doc",
    "python-sklearn-doc",
    "python-pandas-doc",
    "ghc-doc",
    "fp-docs-3.2.2",
]
"""Further handbooks and programmers' references, for corpora that the first do not fill."""

SHORTEST, LONGEST = 700, 3_200
"""Characters between which a document's intended length is drawn; the rest of a file is one too if it is as long as the shortest."""
_PARAGRAPH = 6_000
_FILE = 20_000_000
_WANTED = re.compile(r"\.(html|htm|txt|rst)(\.gz)?$|/man/|fortunes")
_HIDDEN = re.compile(r"(?is)<(script|style|head|nav)\b[^>]*>.*?</\1>")
_BLOCK_END = re.compile(r"(?i)</(p|div|li|h\d|pre|dd|dt|tr|section)>")
_TAG = re.compile(r"(?s)<[^>]+>")
_MANUAL = (
    (re.compile(r"(?m)^(\.\\\"|').*$"), ""),
    (re.compile(r"(?m)^\.(PP|P|LP|TP|IP|sp|br|RS|RE|HP|SH|SS)\b.*$"), "\n"),
    (re.compile(r"(?m)^\.(?:[A-Z]+[ \t]*|[a-z].*$)"), ""),
    (re.compile(r"\\f(?:[A-Z]|\([A-Z]{2})|\\&|\\s[-+]?\d"), ""),
    (re.compile(r"\\-"), "-"),
    (re.compile(r"\\\(aq"), "'"),
    (re.compile(r"\\e"), r"\\"),
    (re.compile(r"\\[\(\[]..\]?"), ""),
)


def fetch(names: list[str], folder: Path) -> list[Path]:
    """Return the packages' files, downloaded with apt where they are not in the folder yet."""
    folder.mkdir(parents=True, exist_ok=True)
    missing = [name for name in names if not any(folder.glob(f"{name}_*.deb"))]
    if missing:
        print(f"fetching {len(missing)} Debian packages into {folder}", flush=True)
        done = subprocess.run(["apt-get", "-q", "download", *missing], cwd=folder, check=False, capture_output=True)
        if done.returncode:
            sys.exit(
                f"apt-get could not fetch the packages of Debian 12 that the corpus is made of: {done.stderr.decode()[-400:]}"
            )
    return [max(folder.glob(f"{name}_*.deb")) for name in names]


def documents(packages: list[Path], seed: int) -> Iterator[str]:
    """Return the documents of the packages, each text once; a package's documents depend on it and the seed alone."""
    seen = set[bytes]()
    for package in packages:
        drawn = random.Random(f"{seed}/{package.name.partition('_')[0]}")
        for path, data in sorted(files(package)):
            for text in cut(plain(path, data), drawn):
                digest = hashlib.blake2b(text.encode(), digest_size=16).digest()
                if digest not in seen:
                    seen.add(digest)
                    yield text


def files(package: Path) -> Iterator[tuple[str, str]]:
    """Return path and content of each file of a package that holds text in UTF-8."""
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", package], stdout=subprocess.PIPE) as unpack:
        with tarfile.open(fileobj=unpack.stdout, mode="r|") as archive:
            for member in archive:
                content = archive.extractfile(member) if member.isfile() and _WANTED.search(member.name) else None
                if content is None or member.size > _FILE:
                    continue
                data = content.read()
                try:
                    text = (gzip.decompress(data) if member.name.endswith(".gz") else data).decode("utf-8")
                except (UnicodeDecodeError, OSError):
                    continue
                if 200 <= len(text) <= _FILE:
                    yield member.name, text
        if unpack.wait():
            sys.exit(f"dpkg-deb cannot read {package}")


def plain(path: str, data: str) -> str:
    """Return the text of a page, a manual page or a plain file; markup goes, roughly."""
    if ".htm" in path:
        return html.unescape(_TAG.sub("", _BLOCK_END.sub("\n\n", _HIDDEN.sub(" ", data))))
    if "/man/" in path:
        for pattern, replacement in _MANUAL:
            data = pattern.sub(replacement, data)
    return data


def cut(text: str, drawn: random.Random) -> Iterator[str]:
    """Cut a text at paragraphs into documents of a drawn length."""
    taken: list[str] = []
    size, target = 0, drawn.randint(SHORTEST, LONGEST)
    for piece in re.split(r"\n\s*\n", text):
        paragraph = re.sub(r"[ \t]+", " ", piece).strip()[:_PARAGRAPH]
        if not paragraph:
            continue
        taken.append(paragraph)
        size += len(paragraph)
        if size >= target:
            yield "\n\n".join(taken)
            taken, size, target = [], 0, drawn.randint(SHORTEST, LONGEST)
    if size >= SHORTEST:
        yield "\n\n".join(taken)
