"""Deferred modules: executed once, on first use, by whichever thread comes first."""

from __future__ import annotations

import sys
import threading
import types
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.gates.deferred import Deferred, defer


@pytest.fixture
def slow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Return the name of a package that counts its executions and takes a while to execute."""
    package = tmp_path / "slow_package"
    package.mkdir()
    (package / "__init__.py").write_text(
        "import builtins, time\n"
        "builtins.slow_package_runs = getattr(builtins, 'slow_package_runs', 0) + 1\n"
        "first = 1\n"
        "time.sleep(0.2)\n"
        "from slow_package import inner\n"
        "last = inner.value + first\n"
        "def __getattr__(name):\n"
        "    if name == 'made': return 'up'\n"
        "    raise AttributeError(name)\n"
    )
    (package / "inner.py").write_text("import slow_package\nvalue = slow_package.first + 40\n")
    (tmp_path / "broken_module.py").write_text("raise RuntimeError('broken')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield "slow_package"
    for name in ("slow_package", "slow_package.inner", "broken_module"):
        sys.modules.pop(name, None)
    __builtins__.pop("slow_package_runs", None)


def runs() -> int:
    return int(__builtins__.get("slow_package_runs", 0))


def test_nothing_is_executed_before_the_first_use(slow: str) -> None:
    defer(slow)
    import slow_package

    assert runs() == 0
    assert slow_package.last == 42
    assert slow_package.made == "up"
    assert type(slow_package) is types.ModuleType
    assert runs() == 1
    with pytest.raises(AttributeError):
        _ = slow_package.absent


def test_a_submodule_executes_its_package_first(slow: str) -> None:
    defer(slow)
    import slow_package.inner

    assert slow_package.inner.value == 41
    assert runs() == 1


def test_threads_wait_for_the_first_one(slow: str) -> None:
    defer(slow)
    import slow_package

    seen: list[int] = []
    threads = [threading.Thread(target=lambda: seen.append(slow_package.last)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [42] * 8
    assert runs() == 1


def test_a_loaded_module_and_an_unknown_one_are_left_alone(slow: str) -> None:
    before = sys.modules["json"]
    defer("json")
    assert sys.modules["json"] is before
    defer("no_such_module_anywhere")
    assert "no_such_module_anywhere" not in sys.modules


def test_a_broken_module_says_so_each_time(slow: str) -> None:
    defer("broken_module")
    module = sys.modules["broken_module"]
    for _ in range(2):
        with pytest.raises(RuntimeError, match="broken"):
            _ = module.anything
    assert type(module) is Deferred
