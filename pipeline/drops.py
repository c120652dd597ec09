"""Drops: sub-folders of a source's folder or bucket prefix that arrive over time, each taken once and as a whole.

A source says by one of two rules when a drop is complete: it holds a marker file (`drop_marker`), or nothing in it has changed for a
while (`drop_stable_minutes`). The clock decides only when a drop is taken; what it becomes follows from its content, whose digest is
the batch's id. A claim in the lake, `drops/<source>/<batch id>.json`, says that a drop was taken.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pipeline.batch import InputFile, batch_id_of, input_files, lake_store
from pipeline.drop_places import Place, places, shown
from pipeline.errors import SluiceError
from pipeline.faults import point
from pipeline.lake.format import prepared
from pipeline.lake.store import Store
from pipeline.settings import Settings
from pipeline.source import Source

Drop = dict[str, Any]
"""Plain data: `source`, `drop` (the folder's name), `paths`, `batch_id`, `state`, and `taken_before`: batches that an earlier content
of the same folder became."""


@dataclass
class Search:
    """What a search for drops came to."""

    drops: list[Drop] = field(default_factory=list)
    """Complete and not taken yet, by source and name; of drops with one content the first."""
    waiting: list[str] = field(default_factory=list)
    """Not complete yet, each with the reason."""
    unreadable: list[str] = field(default_factory=list)
    """What cannot be taken before somebody mends it, each with the reason and the next step."""

    def as_data(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {"drops": self.drops, "waiting": self.waiting, "unreadable": self.unreadable}


def find(settings: Settings, now: float | None = None) -> Search:
    """Return the complete drops of every source that no batch has taken, and what keeps the others.

    A drop that cannot be read does not keep the others from being found.

    Parameters
    ----------
    settings
        The configuration.
    now
        Seconds since 1970 that the stability rule compares with; default: the present.
    """
    store, result = lake_store(settings), Search()
    moment = time.time() if now is None else now
    for source in settings.ingestion.sources:
        claims = _claims(store, source.name)
        for folder in places(source, result.unreadable.append):
            name = f"{source.name}/{shown(folder.name)}"
            if not folder.name.isprintable():
                result.unreadable.append(f"{name}: its name holds control characters; rename it")
                continue
            try:
                _look_at(source, folder, claims, moment, result)
            except SluiceError as error:
                result.unreadable.append(f"{name}: {error}")
            except OSError as error:
                result.unreadable.append(f"{name}: {error.strerror or type(error).__name__}; make it readable")
    return result


def claim(settings: Settings, drop: Mapping[str, Any]) -> bool:
    """Mark a drop as taken; true for the one caller that did it."""
    name = f"drops/{drop['source']}/{drop['batch_id']}.json"
    point("drop.claim.before")
    first = prepared(lake_store(settings)).create_exclusive(name, json.dumps(dict(drop), sort_keys=True).encode())
    point("drop.claim.after")
    return first


def _look_at(source: Source, folder: Place, claims: Sequence[Drop], now: float, result: Search) -> None:
    """Put one folder into the list where it belongs."""
    name = f"{source.name}/{folder.name}"
    state, changed = folder.state()
    why = _incomplete(source, folder, changed, now)
    if why:
        result.waiting.append(f"{name}: {why}")
        return
    mine = [taken for taken in claims if taken["drop"] == folder.name]
    if any(taken.get("state") == state for taken in mine):
        return  # taken as it is; not a byte need be read to know
    files, _ = input_files(source.model_copy(update={"paths": (folder.path,)}))
    if not files:
        result.unreadable.append(f"{name}: it is complete and holds no file that a reader knows; see docs/sources.md")
        return
    if odd := _odd_name(files):
        result.unreadable.append(f"{name}: the file name {odd} holds control characters; rename it")
        return
    batch_id = batch_id_of(files)
    if batch_id in {taken["batch_id"] for taken in (*claims, *result.drops)}:
        return
    result.drops.append(
        {
            "source": source.name,
            "drop": folder.name,
            "paths": [folder.path],
            "batch_id": batch_id,
            "state": state,
            "taken_before": sorted(taken["batch_id"] for taken in mine),
        }
    )


def _incomplete(source: Source, folder: Place, changed: float, now: float) -> str | None:
    """Return why a drop is not complete yet; None where it is."""
    if source.marker is not None:
        return None if folder.holds(source.marker) else f"it holds no {source.marker} yet"
    minutes = source.drop_stable_minutes or 0
    return None if now - changed >= 60 * minutes else f"it changed less than {minutes:g} minutes ago"


def _claims(store: Store, source: str) -> list[Drop]:
    return [store.read_json(name) for name in store.list(f"drops/{source}") if name.endswith(".json")]


def _odd_name(files: Sequence[InputFile]) -> str | None:
    """Return the first file name that holds control characters or is not Unicode, made printable."""
    return next((shown(file.path) for file in files if not file.path.isprintable()), None)
