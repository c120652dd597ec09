"""The scheduler forks every task, so what it has imported they need not import again; the other services import nothing."""

import importlib
import sys

if "scheduler" in sys.argv[1:2]:
    importlib.import_module("pipeline.preload")
