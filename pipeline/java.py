"""Finds the Java that Spark runs on: JAVA_HOME, then PATH, then where systems install it.

Spark 4 asks for Java 17 or newer and for the module `jdk.incubator.vector`, which some cut-down runtimes lack; so a Java
counts only when it starts with that module.
"""

from __future__ import annotations

import functools
import glob
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pipeline.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

OLDEST_VERSION = 17
"""Spark 4's oldest Java (https://spark.apache.org/docs/latest/)."""

PREFERRED_VERSIONS = (17, 21)
"""The long-term versions that Spark's documentation names, preferred among those installed system-wide."""

PLACES = ("/usr/lib/jvm/*", "/usr/java/*", "/opt/java/*", "/Library/Java/JavaVirtualMachines/*/Contents/Home")
"""Where Debian, Red Hat, container images and macOS install a Java."""

_SECONDS = 30


class JavaHome(NamedTuple):
    """A Java that can run Spark."""

    path: Path
    version: int
    """Major version, e.g. 17."""


def find_java(environ: Mapping[str, str] | None = None, places: Iterable[str] = PLACES) -> JavaHome:
    """Return the Java that Spark is to run on.

    Parameters
    ----------
    environ
        Variables to read JAVA_HOME and PATH from; default: the process's.
    places
        Globs of system-wide Java homes, looked at last.

    Raises
    ------
    UserError
        If no Java fits; the message says what was looked at and what to install.
    """
    variables = os.environ if environ is None else environ
    tried = []
    for program in _named(variables):
        java = probe(str(program))
        if java:
            return java
        tried.append(str(program))
    installed = [java for home in _installed(places) if (java := probe(str(home / "bin" / "java")))]
    if installed:
        return min(installed, key=_preference)
    seen = f" ({', '.join(tried)} cannot run it)" if tried else ""
    raise UserError(
        f"Spark needs Java {OLDEST_VERSION} or newer and none was found{seen}:"
        " install openjdk-17-jre-headless (its name on Debian and Ubuntu) or set JAVA_HOME"
    )


def use_java() -> JavaHome:
    """Find Java and name it to every process that is started from now on, by JAVA_HOME.

    Raises
    ------
    UserError
        If no Java fits.
    """
    java = find_java()
    os.environ["JAVA_HOME"] = str(java.path)
    return java


@functools.cache
def probe(program: str) -> JavaHome | None:
    """Start a `java` and return its home and version; None if it does not start or cannot run Spark."""
    command = [program, "--add-modules=jdk.incubator.vector", "-XshowSettings:properties", "-version"]
    try:
        result = subprocess.run(  # noqa: S603 - the program is the user's own Java
            command, capture_output=True, text=True, errors="replace", timeout=_SECONDS, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return None
    home = re.search(r"^\s*java\.home = (.+?)\s*$", result.stderr, re.MULTILINE)
    version = re.search(r"^\s*java\.specification\.version = (\d+)\s*$", result.stderr, re.MULTILINE)
    if result.returncode or not home or not version or int(version[1]) < OLDEST_VERSION:
        return None
    return JavaHome(Path(home[1]), int(version[1]))


def _named(variables: Mapping[str, str]) -> Iterator[Path]:
    """Yield the `java` programs that the environment names."""
    home = variables.get("JAVA_HOME")
    if home:
        yield Path(home, "bin", "java")
    on_path = shutil.which("java", path=variables.get("PATH", ""))
    if on_path:
        yield Path(on_path)


def _installed(places: Iterable[str]) -> list[Path]:
    """Return the Java homes at `places`, each once, sorted."""
    found = {Path(home).resolve() for pattern in places for home in glob.glob(pattern)}  # noqa: PTH207 - the patterns are absolute
    return sorted(home for home in found if (home / "bin" / "java").is_file())


def _preference(java: JavaHome) -> tuple[int, str]:
    """Order homes: the preferred versions as listed, then the oldest; ties by path."""
    known = java.version in PREFERRED_VERSIONS
    return (PREFERRED_VERSIONS.index(java.version) if known else java.version, str(java.path))


def main() -> int:
    """Print the Java home, or one sentence on what to install: what `scripts/setup` asks."""
    try:
        sys.stdout.write(f"{find_java().path}\n")
    except UserError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
