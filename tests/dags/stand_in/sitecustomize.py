"""Put the stand-in in the place of `pipeline.api` in every Python process that has this folder on its path."""

from __future__ import annotations

import importlib.abc
import importlib.util
import sys
from pathlib import Path


class StandIn(importlib.abc.MetaPathFinder):
    def find_spec(self, fullname, path=None, target=None):  # noqa: ARG002 - importlib's signature
        if fullname == "pipeline.api":
            return importlib.util.spec_from_file_location(fullname, Path(__file__).with_name("api.py"))
        return None


sys.meta_path.insert(0, StandIn())
