"""Fixtures for all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parents[1]


# Kernels compile on first use, and machines differ: how long an example takes proves nothing.
settings.register_profile("sluice", deadline=None)
settings.load_profile("sluice")


@pytest.fixture(scope="session")
def shared() -> Path:
    """Return the folder of real test data; skip where it does not exist."""
    folder = Path(os.environ.get("SLUICE_SHARED") or ROOT.parent / "shared")
    if not folder.exists():
        pytest.skip(f"no real test data at {folder}")
    return folder
