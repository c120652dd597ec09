"""Plants a fault in task processes: the file `planted` in a batch's lake names it. On the path of the tests' own Airflow only."""

import importlib.abc
import importlib.machinery
import sys


def plant_lost_row(module):
    honest = module.write_shard

    def careless(store, folder, shard, role, table, attempt):
        lost = "/language/" in folder and store.exists("planted") and store.read_bytes("planted") == b"lost_row"
        return honest(store, folder, shard, role, table.slice(1) if lost else table, attempt)

    module.write_shard = careless


def plant_narrow_screen(module):
    honest = module.run_stage

    def blind(batch, name, progress=None):
        if name == "pii" and batch.lake.exists("planted") and batch.lake.read_bytes("planted") == b"narrow_screen":
            from pipeline.pii import screens

            screens.SCREENS["EMAIL_ADDRESS"] = "no text holds this"
        return honest(batch, name, progress)

    module.run_stage = blind


PLANTS = {"pipeline.lake.snapshots": plant_lost_row, "pipeline.run": plant_narrow_screen}


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
