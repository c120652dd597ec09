"""Checks everything that a run needs and says what to do about what is missing: the logic of `sluice doctor`.

Every check runs, whatever the others find, and none changes anything.
"""

from __future__ import annotations

import os
import shutil
import socket
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pipeline import lockfile, machine, models
from pipeline.errors import SluiceError
from pipeline.java import find_java

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rich.table import Table

PROJECT = Path(__file__).resolve().parents[1]

PYTHONS = ((3, 11), (3, 12))

INTRUDERS = {
    "pyspark-client": "pyspark",
    "fasttext-predict": "fasttext-numpy2-wheel",
    "fasttext": "fasttext-numpy2-wheel",
}
"""Distributions that overwrite the modules of another one, and which: both install files of the same names."""

STAGES = ("ingest", "dedup", "language", "pii", "quality", "provenance", "validate", "publish")

MIN_DISK_BYTES = 5 * 10**9
"""Room for a batch's snapshots beside the packages."""

MIN_MEMORY_BYTES = 3 * 2**30
"""Airflow's services take 1.8 GB, a local Spark with its workers 1 GB and more (measured on two cores)."""

SET_UP = "call `make setup`"


class Check(NamedTuple):
    """One thing that a run needs."""

    name: str
    ok: bool
    detail: str
    next_step: str | None = None
    """What to do; None where all is well."""

    def to_json(self) -> dict[str, Any]:
        """Return the check as plain data."""
        return self._asdict()


def run_checks(lake: str | Path | None = None, project: Path = PROJECT) -> list[Check]:
    """Run every check.

    Parameters
    ----------
    lake
        The lake's root, a folder or an fsspec URI; default: `lake/` in the working folder.
    project
        The project's own folder.
    """
    root = str(lake) if lake is not None else "lake"
    checks: list[tuple[str, Callable[[], Check]]] = [
        ("python", check_python),
        ("packages", lambda: check_packages(project / "uv.lock")),
        ("modules", check_modules),
        ("java", check_java),
        ("models", check_models),
        ("disk", lambda: check_disk(root)),
        ("memory", check_memory),
        ("loopback", check_loopback),
        ("lake", lambda: check_lake(root)),
        ("expectations", lambda: check_expectations(project / "expectations")),
        ("dags", lambda: check_dags(project / "dags")),
    ]
    return [_guarded(name, check) for name, check in checks]


def check_python(version: tuple[int, int] | None = None) -> Check:
    """Check the Python that runs."""
    found = version or sys.version_info[:2]
    detail = f"{found[0]}.{found[1]} at {sys.executable}"
    step = "set the project up with Python 3.11 or 3.12: make setup PYTHON=/path/to/python3.11"
    return _check("python", found in PYTHONS, detail, step)


def check_packages(lock: Path, version_of: Callable[[str], str | None] = lockfile.installed_version) -> Check:
    """Compare every installed dependency with the lock."""
    if not lock.is_file():
        return Check("packages", ok=False, detail=f"{lock} is missing, so no version can be compared", next_step=SET_UP)
    wrong = lockfile.differences(lock, version_of)
    if not wrong:
        return _check("packages", ok=True, detail="every dependency is installed in its locked version")
    named = ", ".join(f"{name} {installed or 'absent'} (locked {locked})" for name, locked, installed in wrong[:5])
    more = f" and {len(wrong) - 5} more" if len(wrong) > 5 else ""
    return Check("packages", ok=False, detail=named + more, next_step=f"{SET_UP} (after: rm -rf .venv)")


def check_modules(version_of: Callable[[str], str | None] = lockfile.installed_version) -> Check:
    """Check that no distribution is installed that overwrites another one's modules."""
    found = [name for name in INTRUDERS if version_of(name)]
    if not found:
        return _check("modules", ok=True, detail="no package overwrites another one's modules")
    detail = "; ".join(f"{name} overwrites modules of {INTRUDERS[name]}" for name in found)
    step = f"remove .venv and {SET_UP}: both packages' files are mixed now"
    return Check("modules", ok=False, detail=detail, next_step=step)


def check_java() -> Check:
    """Check that a Java is found on which Spark starts."""
    java = find_java()
    return _check("java", ok=True, detail=f"version {java.version} at {java.path}")


def check_models() -> Check:
    """Check that every model file is there and has the pinned digest."""
    found = models.all_models()
    missing = [name for name, file in found.items() if file.actual is None]
    wrong = [name for name, file in found.items() if file.actual not in (None, file.expected)]
    detail = "; ".join(
        [
            *([f"missing: {', '.join(missing)}"] if missing else []),
            *([f"another digest than the pinned one: {', '.join(wrong)}"] if wrong else []),
        ]
    )
    step = f"remove .venv and {SET_UP}: every model comes inside a package"
    return _check("models", not detail, detail or f"{', '.join(found)}: present with their pinned digests", step)


def check_disk(root: str, free_bytes: int | None = None) -> Check:
    """Check the free space where the lake and temporary files go."""
    place = Path(tempfile.gettempdir()) if "://" in root else machine.existing_folder(Path(root))
    free = shutil.disk_usage(place).free if free_bytes is None else free_bytes
    step = f"make room, or put the lake elsewhere (`lake.root`): {_gigabytes(MIN_DISK_BYTES)} are needed"
    return _check("disk", free >= MIN_DISK_BYTES, f"{_gigabytes(free)} free at {place}", step)


def check_memory(available_bytes: int | None = None) -> Check:
    """Check the memory that is available to this process, a container's limit included."""
    available = machine.available_memory() if available_bytes is None else available_bytes
    if available is None:
        return _check("memory", ok=True, detail="this system does not tell")
    step = f"end other programs or raise the container's limit: {_gigabytes(MIN_MEMORY_BYTES)} are needed"
    return _check("memory", available >= MIN_MEMORY_BYTES, f"{_gigabytes(available)} available", step)


def check_loopback() -> Check:
    """Check that a port of 127.0.0.1 can be bound and reached: Spark and Airflow talk over it."""
    step = "allow connections to 127.0.0.1 (firewall, sandbox or container settings)"
    try:
        with socket.create_server(("127.0.0.1", 0)) as server:
            address = server.getsockname()
            with socket.create_connection(address, timeout=5):
                pass
    except OSError as error:
        return Check(
            "loopback", ok=False, detail=f"127.0.0.1 does not answer: {error.strerror or error}", next_step=step
        )
    return _check("loopback", ok=True, detail="ports of 127.0.0.1 can be bound and reached")


def check_lake(root: str) -> Check:
    """Check that the lake can be written: a file is made and removed, in the root or the nearest folder that exists."""
    step = "give this user the right to write there, or set `lake.root`"
    try:
        place = machine.probe_uri(root) if "://" in root else machine.probe_folder(Path(root))
    except (OSError, ImportError, ValueError) as error:
        detail = f"{root} cannot be written: {getattr(error, 'strerror', None) or type(error).__name__}"
        return Check("lake", ok=False, detail=detail, next_step=step)
    return _check("lake", ok=True, detail=f"{place} can be written")


def check_expectations(folder: Path) -> Check:
    """Check that every stage has its suite."""
    missing = [f"{stage}.json" for stage in STAGES if not (folder / f"{stage}.json").is_file()]
    if missing:
        detail = f"{folder} lacks {', '.join(missing)}"
        return Check("expectations", ok=False, detail=detail, next_step=f"restore it: git checkout -- {folder.name}")
    return _check("expectations", ok=True, detail=f"{len(STAGES)} suites in {folder}")


def check_dags(folder: Path) -> Check:
    """Check that the DAGs are there; where Airflow is told another folder, that one holds them too."""
    if not list(folder.glob("*.py")):
        return Check(
            "dags", ok=False, detail=f"no DAG in {folder}", next_step=f"restore it: git checkout -- {folder.name}"
        )
    told = os.environ.get("AIRFLOW__CORE__DAGS_FOLDER")
    if told and Path(told).resolve() != folder.resolve() and not (Path(told) / "curate_batch.py").is_file():
        step = f"set AIRFLOW__CORE__DAGS_FOLDER to {folder}"
        return Check("dags", ok=False, detail=f"Airflow reads {told}, which holds no curate_batch.py", next_step=step)
    return _check("dags", ok=True, detail=f"{folder}")


def render(checks: Sequence[Check]) -> Table:
    """Return the checks as a table for a terminal."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, show_header=False)
    for check in checks:
        mark = Text("ok", style="green") if check.ok else Text("NO", style="bold red")
        detail = Text(check.detail)
        if check.next_step:
            detail.append(f"\n-> {check.next_step}", style="bold")
        table.add_row(mark, Text(check.name), detail)
    return table


def _check(name: str, ok: bool, detail: str, next_step: str | None = None) -> Check:
    """Return a check that names its next step only where one is needed."""
    return Check(name, ok, detail, None if ok else next_step)


def _guarded(name: str, check: Callable[[], Check]) -> Check:
    """Run one check; what it raises is its answer, so that the others still run."""
    try:
        return check()
    except SluiceError as error:
        what, _, step = str(error).partition(": ")
        return Check(name, ok=False, detail=what, next_step=step or SET_UP)
    except Exception as error:  # noqa: BLE001 - a check that breaks is a finding, not the end of the others
        return Check(name, ok=False, detail=f"the check itself failed: {type(error).__name__}", next_step=SET_UP)


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:.1f} GB"
