"""Imports go one way: text <- the domain packages <- stages <- recipe <- run <- the command and the DAGs."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]

LAYERS: tuple[frozenset[str], ...] = (
    frozenset({"errors", "reasons", "verdict", "document", "stage"}),
    frozenset({"text"}),
    frozenset({"sources", "dedup", "pii", "quality", "bias", "slices", "language"}),
    frozenset({"stages"}),
    frozenset({"recipe"}),
    frozenset({"chain"}),
    frozenset({"run"}),
    frozenset({"cli", "commands", "dags"}),
)
"""Each layer may import itself and those before it. Packages that are not named here (config, lake, gates, ...) serve any layer but
the first one; what they themselves may not import is in NEVER."""

NEVER: dict[str, frozenset[str]] = {
    "text": frozenset({"pyspark", "airflow"}),
    "gates": frozenset({"stages"}),
    "lake": frozenset({"stages"}),
    "review": frozenset({"stages"}),
}

RANK = {name: rank for rank, layer in enumerate(LAYERS) for name in layer}


def imported(tree: ast.AST, package: str) -> set[str]:
    """Return every module that a file imports, at its top or inside functions; relative imports are resolved in `package`."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*parents, *([node.module] if node.module else [])])
            # `from pipeline import run` names a module, `from pipeline.run import x` a member: keep what is inside `pipeline`.
            found |= {f"{base}.{alias.name}" for alias in node.names} if base == "pipeline" else {base}
    return found


def area(module: str) -> str:
    """Return the part of the project that a module belongs to, or the outside package's own name."""
    parts = module.split(".")
    return parts[1] if parts[0] == "pipeline" and len(parts) > 1 else parts[0]


def wrong_imports(root: Path) -> list[str]:
    """Return one sentence for each import in `pipeline/` and `dags/` that goes the wrong way."""
    wrong = []
    for file in sorted([*root.glob("pipeline/**/*.py"), *root.glob("dags/**/*.py")]):
        inside = file.relative_to(root)
        module = ".".join(inside.with_suffix("").parts).removesuffix(".__init__")
        package = module if file.name == "__init__.py" else module.rpartition(".")[0]
        here = area(module)
        for target in sorted(imported(ast.parse(file.read_bytes()), package)):
            there = area(target)
            upward = RANK.get(there, -1) > RANK.get(here, len(LAYERS))
            contract = RANK.get(here) == 0 and target.startswith("pipeline.") and RANK.get(there) != 0
            banned = there in NEVER.get(here, ())
            if here != there and (upward or contract or banned):
                wrong.append(f"{inside} imports {target}")
    return wrong


def test_imports_go_one_way() -> None:
    assert wrong_imports(PROJECT) == []


def test_every_layer_exists() -> None:
    there = {path.stem for path in (PROJECT / "pipeline").iterdir()} | {"dags"}
    assert {name for layer in LAYERS for name in layer} <= there


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("pipeline/text/words.py", "import pyspark"),
        ("pipeline/text/words.py", "from pyspark.sql import SparkSession"),
        ("pipeline/text/words.py", "from pipeline.pii import screens"),
        ("pipeline/text/words.py", "from ..pii import screens"),
        ("pipeline/dedup/compare.py", "from pipeline import stages"),
        ("pipeline/dedup/compare.py", "from pipeline.stages.dedup import Dedup"),
        ("pipeline/stages/ingest.py", "def late():\n    from pipeline.recipe import RECIPE"),
        ("pipeline/stages/__init__.py", "from ..run import run_stage"),
        ("pipeline/recipe.py", "import pipeline.run"),
        ("pipeline/run.py", "import pipeline.cli"),
        ("pipeline/run.py", "from pipeline.commands import options"),
        ("pipeline/gates/gate.py", "from pipeline.stages.ingest import Ingest"),
        ("pipeline/lake/manifest.py", "from pipeline.stages.ingest import Ingest"),
        ("pipeline/review/cases.py", "from ..stages import ingest"),
        ("pipeline/document.py", "from pipeline.settings import Settings"),
        ("pipeline/errors.py", "import pipeline.text.words"),
        ("pipeline/stage.py", "from . import lake"),
    ],
)
def test_wrong_import_is_found(tmp_path: Path, file: str, line: str) -> None:
    planted = tmp_path / file
    planted.parent.mkdir(parents=True)
    planted.write_text(line + "\n")
    assert len(wrong_imports(tmp_path)) == 1


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("pipeline/verdict.py", "from pipeline.errors import ContractViolation"),
        ("pipeline/document.py", "import pyarrow"),
        ("pipeline/pii/screens.py", "from pipeline.text import words"),
        ("pipeline/stages/ingest.py", "from pipeline.lake import store"),
        ("pipeline/lake/store.py", "from pipeline.settings import Lake"),
        ("pipeline/cli.py", "from pipeline import run"),
        ("dags/curate_batch.py", "from pipeline.run import run_stage"),
    ],
)
def test_right_import_passes(tmp_path: Path, file: str, line: str) -> None:
    planted = tmp_path / file
    planted.parent.mkdir(parents=True)
    planted.write_text(line + "\n")
    assert wrong_imports(tmp_path) == []
