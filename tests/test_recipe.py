"""The recipe: a stage's fingerprint sees all the code that decides its result."""

from __future__ import annotations

import ast

import pytest

from pipeline.chain import RUNNER_CODE
from pipeline.fingerprint import PACKAGE
from pipeline.recipe import RECIPE, Step
from tests.test_imports import imported

DECIDES_NOTHING = (
    "batch.py",
    "config.py",
    "errors.py",
    "faults.py",
    "fingerprint.py",
    "history.py",
    "java.py",
    "lake",
    "mistakes.py",
    "models.py",
    "recipe.py",
    "settings.py",
    "source.py",
    "spark.py",
    "stage.py",
    "work.py",
)
"""Code that finds, moves, checks or names: it may raise, and gives no value that a stage writes. What is read with it is in the
fingerprint itself: settings, models and the base by their own digests. (Of `lake`, some files are named by RUNNER_CODE or a step.)"""


def covered(file: str, places: tuple[str, ...]) -> bool:
    return any(file == place or file.startswith(f"{place}/") for place in places)


def imports_of(file: str) -> set[str]:
    """Return the files of `pipeline/` that a file of it imports, at its top or inside functions."""
    module = f"pipeline.{file.removesuffix('.py').replace('/', '.')}"
    package = module.removesuffix(".__init__") if file.endswith("__init__.py") else module.rpartition(".")[0]
    tree = ast.parse((PACKAGE / file).read_bytes())
    names = imported(tree, package) | {
        f"{node.module}.{alias.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("pipeline")
        for alias in node.names
    }
    places = {name.removeprefix("pipeline.").replace(".", "/") for name in names if name.startswith("pipeline.")}
    return {f"{place}.py" for place in places if (PACKAGE / f"{place}.py").is_file()}


def files_of(step: Step) -> set[str]:
    """Return the stage's files and all that they import, as far as they decide something."""
    waiting = {
        path.relative_to(PACKAGE).as_posix()
        for place in step.code
        for path in ([PACKAGE / place] if (PACKAGE / place).is_file() else (PACKAGE / place).glob("**/*.py"))
    }
    found: set[str] = set()
    while waiting:
        file = waiting.pop()
        found.add(file)
        waiting |= {name for name in imports_of(file) if not covered(name, DECIDES_NOTHING)} - found
    return found


@pytest.mark.parametrize("step", RECIPE, ids=lambda step: step.name)
def test_a_fingerprint_sees_all_the_code_that_decides(step: Step) -> None:
    # A stage's input is named by a digest that holds the fingerprint of the stage before, and so the code of all before.
    seen = [place for earlier in RECIPE[: RECIPE.index(step) + 1] for place in earlier.code]
    assert sorted(file for file in files_of(step) if not covered(file, (*seen, *RUNNER_CODE))) == []


@pytest.mark.parametrize("step", RECIPE, ids=lambda step: step.name)
def test_every_place_of_code_exists(step: Step) -> None:
    assert [place for place in (*step.code, *RUNNER_CODE) if not (PACKAGE / place).exists()] == []
