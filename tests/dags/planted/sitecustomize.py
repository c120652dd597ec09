"""Plants a fault in task processes: the file `planted` beside a batch's lake names it. On the path of the tests' own Airflow only.

Its first line is the fault's name, the rest what a careless exception would quote.
"""

import importlib.abc
import importlib.machinery
import os
import signal
import sys
from pathlib import Path


def planted(store):
    """Return the fault that is planted for a lake, and what to quote."""
    file = Path(store.root).parent / "planted"
    name, _, text = file.read_text().partition("\n") if file.exists() else ("", "", "")
    return name, text


def once(store, name):
    """Return True the first time that it is asked for a lake."""
    try:
        (Path(store.root).parent / name).touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def plant_in_writer(module):
    honest = module.write_shard

    def careless(store, folder, shard, role, table, attempt):
        name, text = planted(store)
        stage = folder.split("/")[2]
        if name == f"quoting {stage}":
            raise ValueError(f"cannot write {text}")
        if name == f"killed in {stage}" and once(store, "killed"):
            os.kill(os.getpid(), signal.SIGKILL)
        lost = name == "lost_row" and stage == "language"
        return honest(store, folder, shard, role, table.slice(1) if lost else table, attempt)

    module.write_shard = careless


def plant_in_runner(module):
    honest_run, honest_apply = module.run_stage, module.apply_to_shard

    class Quoting:
        def __init__(self, stage):
            self.stage = stage

        def __getattr__(self, name):
            return getattr(self.stage, name)

        def apply(self, documents):
            raise ValueError(f"cannot judge {documents.column('text').to_pylist()}")

    def blind(batch, name, *given, **named):
        if name == "pii" and planted(batch.lake)[0] == "narrow_screen":
            from pipeline.pii import screens

            screens.SCREENS["EMAIL_ADDRESS"] = "no text holds this"
        return honest_run(batch, name, *given, **named)

    def apply(shard, chain, stage, **given):
        quotes = planted(chain.lake)[0] == f"quoting each document in {stage.name}"
        return honest_apply(shard, chain, Quoting(stage) if quotes else stage, **given)

    module.run_stage = blind
    module.apply_to_shard = apply


def plant_in_gates(module):
    honest, honest_check = module.narrow_rows, module.require_open

    def careless(chain, stage):
        name, text = planted(chain.lake)
        if name == f"quoting gate {stage}":
            raise KeyError(text)
        return honest(chain, stage)

    def upgraded_first(batch, stage):
        """The workers are upgraded between quality and the stage after it."""
        if (
            planted(batch.lake)[0] == "upgraded after quality"
            and stage == "provenance"
            and once(batch.lake, "upgraded")
        ):
            upgrade()
        return honest_check(batch, stage)

    module.narrow_rows = careless
    module.require_open = upgraded_first


def upgrade():
    """Give this process another code of quality."""
    from pipeline import chain

    old = chain.code_digest
    chain.code_digest = lambda places: "0" * 64 if "stages/quality.py" in places else old(places)


def plant_in_batches(module):
    honest = module.load_batch

    def load(reference, *given):
        if (Path(reference["lake"]).parent / "upgraded").exists():
            upgrade()
        return honest(reference, *given)

    module.load_batch = load


def plant_in_commit(module):
    honest = module.commit

    def careless(batch, approval):
        name, text = planted(batch.lake)
        if name == "quoting commit":
            raise RuntimeError(f"cannot publish {text}")
        return honest(batch, approval)

    module.commit = careless


PLANTS = {
    "pipeline.batch": plant_in_batches,
    "pipeline.lake.snapshots": plant_in_writer,
    "pipeline.run": plant_in_runner,
    "pipeline.gating": plant_in_gates,
    "pipeline.commit": plant_in_commit,
}


class Finder(importlib.abc.MetaPathFinder):
    """Alters a module once it is loaded."""

    def find_spec(self, name, path=None, _target=None):
        if name not in PLANTS:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        load = spec.loader.exec_module

        def loaded(module):
            load(module)
            PLANTS[name](module)

        spec.loader.exec_module = loaded
        return spec


sys.meta_path.insert(0, Finder())
