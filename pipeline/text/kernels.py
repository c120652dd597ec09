"""Compiled functions and their cache.

numba keeps a compiled function on disk and compiles it anew when its own file changes, but not when a function changes that it
calls in another file: it would go on using the old one, and published signatures would silently disagree with new ones. So the
cache lies in a folder named by a digest of all files of this package, the only one whose kernels are called from other files.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

import numba as nb
from numba.core import config

if TYPE_CHECKING:
    from collections.abc import Callable

Function = TypeVar("Function", bound="Callable[..., object]")

_settings = cast("Any", config)  # numba sets the module's names at run time


def kernel(function: Function) -> Function:
    """Compile a function with numba (no Python objects) on its first call, and keep the result on disk.

    A folder that cannot be written leaves it to numba to find another place.
    """
    return _compiled(function, error_model="python")


def numpy_kernel(function: Function) -> Function:
    """Compile as `kernel` does; a division by zero gives infinity or NaN, as NumPy's, and costs no check."""
    return _compiled(function, error_model="numpy")


def _compiled(function: Function, error_model: Literal["python", "numpy"]) -> Function:
    before = _settings.CACHE_DIR
    base = Path(before) if before else Path(__file__).parent / "__pycache__"
    _settings.CACHE_DIR = str(base / f"kernels-{sources_digest()[:16]}")
    try:
        return cast("Function", nb.njit(cache=True, error_model=error_model)(function))
    finally:
        _settings.CACHE_DIR = before  # other packages keep theirs


@lru_cache(maxsize=1)
def sources_digest() -> str:
    """Return a digest of this package's source files."""
    digest = hashlib.sha256()
    for file in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()
