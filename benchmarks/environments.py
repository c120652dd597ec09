"""Environments for peers, each of its own since their dependencies exclude one another's, and the folder that benchmarks keep things in."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import venv
from collections.abc import Sequence
from pathlib import Path


def cache_folder() -> Path:
    """Return where benchmarks keep what they fetch and make, unless told otherwise."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sluice" / "benchmarks"


def environment(name: str, packages: Sequence[str], cache: Path) -> str:
    """Return the Python of an environment that holds the packages, made below the cache if it is not there yet."""
    asked = hashlib.sha256("\n".join([sys.version, *packages]).encode()).hexdigest()[:8]
    folder = cache / "environments" / f"{name}-{asked}"
    python, done = folder / "bin" / "python", folder / "complete"
    if not done.exists():
        print(f"making an environment for {name} in {folder}", flush=True)
        uv = Path(__file__).resolve().parents[1] / ".bootstrap" / "bin" / "uv"
        if uv.exists():
            subprocess.run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, folder], check=True)
            subprocess.run([uv, "pip", "install", "--quiet", "--python", python, *packages], check=True)
        else:
            venv.create(folder, with_pip=True, clear=True)
            subprocess.run([python, "-m", "pip", "install", "--quiet", *packages], check=True)
        done.touch()
    return str(python)
