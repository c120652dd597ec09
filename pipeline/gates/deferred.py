"""Modules that are executed on first use.

Great Expectations takes about 10 s to import. A quarter of that is `altair` and `scipy.stats`, which it imports at its top and uses
in a few statistical expectations and plots only; a gate seldom needs them.
"""

from __future__ import annotations

import importlib.util
import sys
import threading
import types
from typing import Any

_LOCK = threading.RLock()


class Deferred(types.ModuleType):
    """A module that is executed when an attribute of it is first asked for, and is an ordinary module from then on.

    `importlib.util.LazyLoader` does the same, but before Python 3.11.8 a second thread may see the module half executed
    (python/cpython#114763); here it waits.
    """

    def __getattr__(self, name: str) -> Any:
        with _LOCK:
            if "_started" not in self.__dict__:
                self._execute()
            elif type(self) is Deferred:  # this very thread is executing it: a circular import
                raise AttributeError(f"module '{self.__name__}' has no attribute '{name}' yet")
        return getattr(self, name)

    def _execute(self) -> None:
        spec = self.__spec__
        if spec is None or spec.loader is None:
            raise ImportError(f"the module '{self.__name__}' cannot be loaded")
        self.__dict__["_started"] = True
        if spec.submodule_search_locations is not None:
            self.__dict__["__path__"] = spec.submodule_search_locations
        try:
            spec.loader.exec_module(self)
        except BaseException:
            del self.__dict__["_started"]
            self.__dict__.pop("__path__", None)
            raise
        self.__class__ = types.ModuleType  # type: ignore[assignment] # from now on it is an ordinary module


def defer(name: str) -> None:
    """Let the next ``import name`` cost nothing until the module is used; nothing happens if it is loaded already.

    `__path__` is left out until then, so that the import of a submodule executes its package first, as always.
    """
    with _LOCK:
        if name in sys.modules:
            return
        spec = importlib.util.find_spec(name)
        if spec is None:
            return
        module = Deferred(name)
        module.__spec__, module.__loader__, module.__package__ = spec, spec.loader, spec.parent
        module.__file__ = spec.origin
        sys.modules[name] = module
