"""The wide stages: those that are more than one function on a record batch. Same runner, same manifests."""

from __future__ import annotations

from collections.abc import Callable

from pipeline.stages import dedup, ingest, publish
from pipeline.work import Output, Work

RUNNERS: dict[str, Callable[[Work], Output]] = {
    "ingest": ingest.run,
    "dedup": dedup.run,
    "publish": publish.run,
}
