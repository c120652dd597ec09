"""The public names of the package are those that its `__all__` lists."""

from __future__ import annotations

import subprocess
import sys
from types import ModuleType

import pipeline


def test_all_is_what_can_be_imported() -> None:
    # Modules are no public names of the package itself, and those that other tests imported appear in it.
    defined = {
        name
        for name, value in vars(pipeline).items()
        if not name.startswith("_") and not isinstance(value, ModuleType) and name != "annotations"
    }
    listed = set(pipeline.__all__)
    assert all(getattr(pipeline, name) is not None for name in listed)
    assert defined <= listed
    assert sorted(listed) == list(pipeline.__all__)


def test_importing_the_package_loads_no_engine() -> None:
    heavy = ("pyspark", "great_expectations", "airflow", "numba")
    code = f"import sys, pipeline; print([name for name in {heavy!r} if name in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"
