from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared() -> Path:
    folder = Path(os.environ.get("SLUICE_SHARED") or ROOT.parent / "shared")
    if not folder.exists():
        pytest.skip(f"no evaluation data at {folder}")
    return folder
