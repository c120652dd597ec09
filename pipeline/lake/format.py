"""The lake's format: the one place where a store becomes a lake that this program may read.

`lake.json` at the root says which format the lake has and under which roots it ever lay: Iceberg's tables hold full addresses. A
lake that is new gets the present format when it is first written; an older one is migrated, step by step, under the writer's
lease; a newer one is refused. A lake with batches or releases and without `lake.json` is of format 0, from before this file.
"""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Callable
from typing import Any

import pyarrow.parquet as pq

from pipeline import __version__
from pipeline.document import COLUMNS, TEXT
from pipeline.errors import SnapshotError, UserError
from pipeline.faults import point
from pipeline.lake import manifest as manifests
from pipeline.lake.lease import hold
from pipeline.lake.manifest import Manifest, ShardFile
from pipeline.lake.record import Record
from pipeline.lake.release import History, release_name
from pipeline.lake.snapshots import COLUMNS_ROLE, TEXT_ROLE, write_shard
from pipeline.lake.store import Store

NAME = "lake.json"
PRESENT = 2
"""The format of the lake that this program writes."""
TABLES_PRESENT = 1
"""The format of the published tables that this program writes."""

_NEXT_STEP = "restore it from a backup of the lake"
_known: dict[str, LakeRecord] = {}
"""What this process read, by root: a lake's format is looked up once."""


class LakeRecord(Record):
    """What `lake.json` says."""

    format_version: int = PRESENT
    program: str = __version__
    """The version of Sluice that made or last migrated the lake."""
    roots: tuple[str, ...] = ()
    """Every address that the lake was ever written under, oldest first."""


def opened(store: Store) -> Store:
    """Return the store as a lake that may be read; an older one is migrated first.

    Raises
    ------
    SnapshotError
        If the lake is of a newer format, or of one that no step leads away from.
    LeaseHeld
        If it has to be migrated and another process is doing so, or is changing the corpus.
    """
    if store.root in _known:
        return store
    stated = _stated(store)
    if stated is not None:
        if stated["format_version"] < PRESENT:
            _migrate(store)
        _known[store.root] = _read(store)
    return store


def prepared(store: Store) -> Store:
    """Return the store as a lake that may be written: `opened`, and a new one is given its format."""
    if not opened(store).exists(NAME):
        store.create_exclusive(NAME, LakeRecord(roots=(store.address,)).to_bytes())
        _known[store.root] = _read(store)
    return store


def roots(store: Store, *, again: bool = False) -> tuple[str, ...]:
    """Return every address that the lake has or had, its present one among them.

    Parameters
    ----------
    store
        The lake.
    again
        Look whether another process has added one.
    """
    if (again or store.root not in _known) and store.exists(NAME):
        _known[store.root] = _read(store)
    former = _known[store.root].roots if store.root in _known else ()
    return tuple(dict.fromkeys((*former, store.address)))


def add_root(store: Store, address: str) -> None:
    """Remember an address that the lake has or had; call it under the lease.

    Raises
    ------
    UserError
        If the address is none of a root.
    """
    address = Store(address).address
    record = _read(store)
    if address not in record.roots:
        store.write_atomic(NAME, record.model_copy(update={"roots": (*record.roots, address)}).to_bytes())
        _known[store.root] = _read(store)


def moved_from(store: Store, former: str) -> tuple[str, ...]:
    """Tell a lake that was moved by other means than a plain copy where it lay before; return every root that it knows now."""
    if not former.strip():
        raise UserError("say where the lake lay before: a folder or a URI")
    with hold(History(prepared(store)), "moved-from"):
        add_root(store, former)
    return roots(store)


def check_table(table: str, stated: str | None) -> int:
    """Return the format of a published table; none stated is 0.

    Raises
    ------
    SnapshotError
        If it is newer than this program.
    """
    version = int(stated) if stated and stated.isdecimal() else 0
    if version > TABLES_PRESENT:
        raise SnapshotError(_newer(f"the published table '{table}'", version, None, TABLES_PRESENT))
    return version


# -- inside ------------------------------------------------------------------------------------------------------------


def _stated(store: Store) -> dict[str, Any] | None:
    """Return what a lake says of its format, whatever that is; None where there is no lake yet."""
    try:
        data = json.loads(store.read_bytes(NAME))
    except FileNotFoundError:
        return {"format_version": 0} if _has_content(store) else None
    except ValueError:
        data = None
    if not isinstance(data, dict) or not isinstance(data.get("format_version"), int):
        raise SnapshotError(f"{NAME} is damaged: {_NEXT_STEP}")
    if data["format_version"] > PRESENT:
        raise SnapshotError(_newer(f"the lake {store!r}", data["format_version"], data.get("program"), PRESENT))
    return data


def _has_content(store: Store) -> bool:
    return store.exists(release_name(1)) or bool(store.list("batches"))


def _newer(what: str, version: int, program: str | None, present: int) -> str:
    wanted = f"Sluice {program}" if program else "the version of Sluice that wrote it"
    return (
        f"{what} is of format {version}, this is Sluice {__version__}, which reads formats up to {present}: "
        f"install {wanted} or a newer one"
    )


def _read(store: Store) -> LakeRecord:
    return LakeRecord.load(store, NAME, _NEXT_STEP)


def _migrate(store: Store) -> None:
    """Take the lake to the present format; killed anywhere, the next opener goes on from the last finished step."""
    with hold(History(store), f"migration to format {PRESENT}") as lease:
        while (stated := _stated(store) or {})["format_version"] < PRESENT:
            version = stated["format_version"]
            if version not in STEPS:
                raise SnapshotError(
                    f"the lake {store!r} is of format {version}, from which Sluice {__version__} cannot migrate: open it with an "
                    "older version first"
                )
            STEPS[version](store)
            lease.check()
            known = dict.fromkeys((*stated.get("roots", ()), *_roots_of_batches(store), store.address))
            point("lake.migrate.before")
            store.write_atomic(NAME, LakeRecord(format_version=version + 1, roots=tuple(known)).to_bytes())
            point("lake.migrate.after")
            logging.getLogger(__name__).info("the lake %r is of format %d now", store, version + 1)


def _roots_of_batches(store: Store) -> list[str]:
    """Return the roots that the batches were run under: where a lake lay before it had a record of that."""
    found = []
    for name in store.list("batches"):
        parts = name.split("/")
        if len(parts) == 3 and parts[2].startswith("settings-"):
            settings = store.read_json(name)
            root = settings.get("lake", {}).get("root") if isinstance(settings, dict) else None
            if root:
                found.append(Store(root).address)
    return list(dict.fromkeys(found))


def _text_beside_the_columns(store: Store) -> None:
    """0 -> 1: the text that a stage changed lies in a file of its own, no longer among its columns."""
    for name in store.list("batches"):
        parts = name.split("/")
        if len(parts) != 5 or parts[4] != "manifest.json" or TEXT not in COLUMNS[parts[2]].names:
            continue
        try:
            _split(store, manifests.read(store, name))
        except (SnapshotError, FileNotFoundError) as error:
            # A batch that cannot be read stays as it is: it could not be read before either.
            logging.getLogger(__name__).warning("%s stays as it is: %s", name, error)


def _split(store: Store, manifest: Manifest) -> None:
    """Write text and columns of a snapshot to new files; its manifest, replaced last, is the commit. Once done, nothing happens."""
    folder = manifest.name.rpartition("/")[0]
    files: list[ShardFile] = []
    for file in manifest.files:
        with store.open_input(file.name) as source:
            table = pq.read_table(source)
        if file.role != COLUMNS_ROLE or TEXT not in table.schema.names:
            return
        attempt = uuid.uuid4().hex[:8]
        files.append(write_shard(store, folder, file.shard, COLUMNS_ROLE, table.drop_columns([TEXT]), attempt))
        if not manifest.switched_off:
            files.append(write_shard(store, folder, file.shard, TEXT_ROLE, table.select([TEXT]), attempt))
    new = Manifest.model_validate({**manifest.model_dump(), "files": [file.model_dump() for file in files]})
    manifests.replace(store, new)


def _releases_name_an_index(store: Store) -> None:
    """1 -> 2: a release record may name an index of near-duplicates. The next publish makes it; old records stay as they are."""


STEPS: dict[int, Callable[[Store], None]] = {0: _text_beside_the_columns, 1: _releases_name_an_index}
"""How to get from each format to the next; a step that was begun can be run again."""
