"""The guide "bring your own source": its files are written, its commands run, and what it says of them is so."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

GUIDE = (Path(__file__).resolve().parents[1] / "docs" / "bring_your_source.md").read_text(encoding="utf-8")
BIN = Path(sys.executable).parent


def lay_out(folder: Path) -> None:
    """Write the guide's files: each block of a file's content follows a sentence that names it."""
    found = re.findall(
        r"`([\w/]+\.(?:csv|md|json|yaml))`(?:(?!```)[\s\S])*?```(?:csv|markdown|json|yaml)\n(.*?)```", GUIDE, re.DOTALL
    )
    assert [name for name, _ in found] == ["table/abstracts.csv", "essays/tides.md", "posts/outbox.json", "mine.yaml"]
    for name, content in found:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(content, encoding="utf-8")


def commands(section: int) -> list[str]:
    """Return the commands of one of the guide's sections."""
    text = GUIDE[GUIDE.index(f"## {section}. ") :].split("\n## ")[0]
    return re.findall(r"^\$ (sluice .*)$", text, re.MULTILINE)


def sluice(folder: Path, command: str) -> subprocess.CompletedProcess[str]:
    program, *words = command.split()
    environment = {**os.environ, "SLUICE_SPARK_MASTER": "inline", "COLUMNS": "200"}
    return subprocess.run(
        [BIN / program, *words], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def test_the_commands_do_what_the_guide_says(tmp_path):
    lay_out(tmp_path)
    ingest, files, quarantine = commands(3)
    for command in (ingest, f"{files} --json", f"{quarantine} --json"):
        done = sluice(tmp_path, command)
        assert done.returncode == 0, done.stderr
        if command.startswith(files):
            rows = {row["source"]: row for row in json.loads(done.stdout)}
        elif command.startswith(quarantine):
            reasons = {row["reason"] for row in json.loads(done.stdout)}
    assert sum(row["read"] for row in rows.values()) == 7
    assert {name: (row["read"], row["kept"]) for name, row in rows.items()} == {
        "abstracts": (4, 2),
        "essays": (1, 1),
        "posts": (2, 1),
    }
    assert reasons == set(re.findall(r"`(ingest\.\w+@\d)`", GUIDE))
    assert set(rows["posts"]["other"]) == {"collection", "Like", "Delete"}


@pytest.mark.slow
def test_the_whole_run_ends_with_a_sentence(tmp_path):
    lay_out(tmp_path)
    for command in commands(4):
        done = sluice(tmp_path, command)
        assert done.returncode in {0, 3}, done.stderr
        assert "Traceback" not in done.stderr
