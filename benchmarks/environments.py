"""Environments for peers, each of its own since their dependencies exclude one another's, and the folder that benchmarks keep things in."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path


def cache_folder() -> Path:
    """Return where benchmarks keep what they fetch and make, unless told otherwise."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sluice" / "benchmarks"


def environment(name: str, packages: Sequence[str], cache: Path, version: str | None = None) -> str:
    """Return the Python of an environment that holds the packages, made below the cache if it is not there yet.

    `version` is for packages that ask for another Python than this one.

    Raises
    ------
    SystemExit
        If that Python is nowhere on this machine.
    """
    base = interpreter(version) if version else sys.executable
    asked = hashlib.sha256("\n".join([version or sys.version, *packages]).encode()).hexdigest()[:8]
    folder = cache / "environments" / f"{name}-{asked}"
    python, done = folder / "bin" / "python", folder / "complete"
    if not done.exists():
        print(f"making an environment for {name} in {folder}", flush=True)
        uv = Path(__file__).resolve().parents[1] / ".bootstrap" / "bin" / "uv"
        if uv.exists():
            subprocess.run([uv, "venv", "--quiet", "--clear", "--python", base, folder], check=True)
            subprocess.run([uv, "pip", "install", "--quiet", "--python", python, *packages], check=True)
        else:
            subprocess.run([base, "-m", "venv", "--clear", folder], check=True)
            subprocess.run([python, "-m", "pip", "install", "--quiet", *packages], check=True)
        done.touch()
    return str(python)


def interpreter(version: str) -> str:
    """Return a Python of a version such as ``3.12``, from PATH or from pyenv's folder.

    Raises
    ------
    SystemExit
        If there is none.
    """
    versions = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    for path in (shutil.which(f"python{version}"), *sorted(versions.glob(f"{version}.*/bin/python"))):
        # pyenv puts commands into PATH that only say that the version is not selected.
        if path and not subprocess.run([path, "-V"], check=False, capture_output=True).returncode:
            return str(path)
    raise SystemExit(f"Python {version} is needed and was not found: put python{version} into PATH")
