"""Copies of the golden lakes, each in a folder of its own: another root than the one it was made under."""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
from pathlib import Path

from pipeline import config
from pipeline.lake.store import Store
from pipeline.settings import Settings

GOLDEN = Path(__file__).resolve().parent / "lake-1"
DAY = dt.timedelta(days=1)


class Copy:
    """A lake in a folder of its own, and its clock."""

    def __init__(self, folder: Path, name: str = "lake-1") -> None:
        self.folder = folder
        shutil.copytree(GOLDEN.parent / name, folder)
        times = [published_at(file) for file in (folder / "lake" / "warehouse" / "releases").glob("*.json")]
        self.born = max(times) + dt.timedelta(hours=1)
        self.touch(self.born)

    @property
    def config(self) -> Path:
        return self.folder / "pipeline.yaml"

    @property
    def store(self) -> Store:
        return Store(str(self.folder / "lake"))

    def settings(self, **overrides: object) -> Settings:
        return config.override(config.load(self.config), {f"retention.{key}": v for key, v in overrides.items()})

    def touch(self, when: dt.datetime, *names: str) -> None:
        """Give files of the lake, all by default, a time of change."""
        for file in map(self.store.local_path, names or self.store.list()):
            os.utime(file, (when.timestamp(), when.timestamp()))

    def plant(self, name: str, when: dt.datetime) -> str:
        """Write a file that nothing names."""
        self.store.write_atomic(name, b"left behind")
        self.touch(when, name)
        return name

    def files(self) -> dict[str, bytes]:
        return {name: self.store.read_bytes(name) for name in self.store.list() if name != "review.db"}


def published_at(file: Path) -> dt.datetime:
    return dt.datetime.fromisoformat(json.loads(file.read_bytes())["published_at"])
