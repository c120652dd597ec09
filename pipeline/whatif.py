"""What another configuration would keep and reject, decided again from what the stages stored, without reading a text.

A stage whose decision follows from its own columns (`pipeline.stage.Ruled`) says it again under the changed settings. What it would
reject that it kept is known to the end; a document that it would keep after all goes on to stages that never saw it, and what they would say
is not known. A setting on which another stage's result depends is named as such and not guessed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.batch import Batch
from pipeline.chain import full_chain
from pipeline.config import override
from pipeline.document import COLUMNS
from pipeline.errors import UserError
from pipeline.lake.snapshots import Chain
from pipeline.recipe import RECIPE, Step
from pipeline.settings import Settings
from pipeline.stage import Ruled
from pipeline.text.arrow import one
from pipeline.verdict import evaluate_rules, keep, reasons

Mask = npt.NDArray[np.bool_]
ALL, SOURCE, LANGUAGE, GROUP, TOPIC = "all", "source", "language", "group", "topic"


@dataclass
class Change:
    """Documents that came to a stage, by what the stage said and would say; by any key."""

    came: Counter[str] = field(default_factory=Counter)
    kept_before: Counter[str] = field(default_factory=Counter)
    kept_after: Counter[str] = field(default_factory=Counter)
    newly_kept: Counter[str] = field(default_factory=Counter)
    newly_rejected: Counter[str] = field(default_factory=Counter)

    def add(self, keys: pa.Array, before: Mask, after: Mask) -> None:
        """Count documents; `keys` holds a value or a list of values of each, null where it is not known."""
        masks = {"came": np.ones(len(before), np.bool_), "kept_before": before, "kept_after": after,
                 "newly_kept": after & ~before, "newly_rejected": before & ~after}  # fmt: skip
        for name, mask in masks.items():
            values = keys.filter(pa.array(mask))
            flat = pc.list_flatten(values) if pa.types.is_list(values.type) else values
            for entry in pc.drop_null(flat).value_counts():
                getattr(self, name)[entry["values"].as_py()] += entry["counts"].as_py()

    def rows(self) -> list[dict[str, Any]]:
        """Return one row a key, those with the most changes first."""
        changed = self.newly_kept + self.newly_rejected
        return [
            {"value": value, **{name: counts[value] for name, counts in vars(self).items()}}
            for value in sorted(self.came, key=lambda value: (-changed[value], -self.came[value], value))
        ]


def whatif(
    batch: Batch, changes: dict[str, Any], progress: Callable[[str, int, int], None] | None = None
) -> dict[str, Any]:
    """Return what changed settings would keep and reject of a batch that has run.

    Parameters
    ----------
    batch
        The batch.
    changes
        New values by dotted key, as ``--set`` takes them.
    progress
        Told of the shards that are done.

    Returns
    -------
    dict
        ``stages``: of each stage that decides otherwise the counts over all documents that came to it, by source, by language, and by
        identity group and main topic (of those that came to `validate`, which names them), and its reasons before and after. ``unknown``: a
        sentence for every stage whose result depends on a changed setting and cannot be had from what is stored. ``corpus``: documents
        that the batch's last stage keeps now, those of them that would stay, and newly kept ones, which later stages would have to judge.

    Raises
    ------
    ConfigError
        If a key does not exist or a value does not fit.
    UserError
        If nothing is changed, or the batch has not run.
    """
    settings = override(batch.settings, changes)
    chain = full_chain(batch)
    if not chain.manifests:
        raise UserError(f"batch {batch.batch_id} has not run yet; `sluice run` does it")
    touched = [
        step for step in RECIPE if step.name in chain.stages and _reads(step, batch.settings) != _reads(step, settings)
    ]
    if not touched:
        raise UserError("no stage that ran in this batch depends on these settings, or they have these values already")
    stages = {
        step.name: _again(step, settings, chain) for step in touched if _can(step, batch.settings, settings, chain)
    }
    found = {name: _Stage(name) for name in stages}
    kept = stay = 0
    for shard in range(chain.shards):
        alive = chain.live(shard)
        lost = np.zeros(len(alive), np.bool_)
        for name, stage in stages.items():
            rows, gone = found[name].add(chain, shard, stage)
            lost[rows[gone]] = True
        kept, stay = kept + int(alive.sum()), stay + int((alive & ~lost).sum())
        if progress:
            progress("whatif", shard + 1, chain.shards)
    new = sum(stage.changes[ALL].newly_kept[ALL] for stage in found.values())
    return {
        "batch_id": batch.batch_id,
        "changes": changes,
        "stages": [stage.to_json() for stage in found.values()],
        "unknown": [_unknown(step, batch) for step in touched if step.name not in stages],
        "corpus": {"last_stage": chain.stages[-1], "kept_now": kept, "would_stay": stay, "newly_kept": new},
    }


class _Stage:
    """What one stage would say otherwise."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.changes = {key: Change() for key in (ALL, SOURCE, LANGUAGE, GROUP, TOPIC)}
        self.reasons: tuple[Counter[str], Counter[str]] = (Counter(), Counter())

    def add(self, chain: Chain, shard: int, stage: Ruled | None) -> tuple[npt.NDArray[np.int64], Mask]:
        """Decide a shard again; return the rows that came to the stage, and which of them it would reject and did not."""
        rows = np.flatnonzero(chain.upto(self.name).live(shard)).astype(np.int64)
        if not len(rows):
            return rows, np.zeros(0, np.bool_)
        read = () if stage is None else stage.decides_by
        table = chain.documents(shard, [*(self._place(name) for name in read), f"{self.name}.verdict", "source"], rows)
        table = table.rename_columns([*read, "verdict", "source"]).combine_chunks()
        old = one(table.column("verdict"))
        new = keep(len(rows))
        if stage is not None:
            stored = pa.RecordBatch.from_arrays([one(table.column(name)) for name in read], names=list(read))
            new = evaluate_rules(len(rows), stage.rules(stored))
        before, after = (np.asarray(verdict.is_null().to_numpy(zero_copy_only=False), bool) for verdict in (old, new))
        for counter, verdict in zip(self.reasons, (old, new), strict=True):
            for entry in pc.drop_null(reasons(verdict)).value_counts():
                counter[entry["values"].as_py()] += entry["counts"].as_py()
        keys = {ALL: pa.array([ALL] * len(rows), pa.string()), SOURCE: one(table.column("source"))}
        places = ((LANGUAGE, "language", "language"), (GROUP, "validate", "groups"), (TOPIC, "validate", "topic"))
        for key, stage_of, column in places:
            if stage_of in chain.stages:
                keys[key] = chain.documents(shard, [f"{stage_of}.{column}"], rows).column(0).combine_chunks()
        for key, values in keys.items():
            self.changes[key].add(values, before, after)
        return rows, before & ~after

    def to_json(self) -> dict[str, Any]:
        """Return the counts as plain data."""
        before, after = self.reasons
        return {
            "stage": self.name,
            **{name: counts[ALL] for name, counts in vars(self.changes[ALL]).items()},
            "by_source": self.changes[SOURCE].rows(),
            "by_language": self.changes[LANGUAGE].rows(),
            "by_group": self.changes[GROUP].rows(),
            "by_topic": self.changes[TOPIC].rows(),
            "reasons": [
                {"reason": name, "before": before[name], "after": after[name]}
                for name in sorted(before | after, key=lambda name: (-abs(after[name] - before[name]), name))
            ],
        }

    def _place(self, column: str) -> str:
        return f"{self.name}.{column}" if column in COLUMNS[self.name].names else column


def _reads(step: Step, settings: Settings) -> tuple[Any, bool]:
    return step.reads_settings(settings), step.enabled(settings)


def _can(step: Step, old: Settings, new: Settings, chain: Chain) -> bool:
    """Return whether a stage's new decisions follow from what it stored: those of one that is switched off always do."""
    if not step.enabled(new):
        return True
    if not step.enabled(old) or step.build is None:
        return False
    before, after = (step.build(settings, chain.fingerprints()) for settings in (old, new))
    if not isinstance(before, Ruled) or not isinstance(after, Ruled):
        return False
    measured = vars(before).keys() - set(after.verdict_fields)
    return all(getattr(before, name) == getattr(after, name) for name in measured)


def _again(step: Step, settings: Settings, chain: Chain) -> Ruled | None:
    """Return the stage that decides; None for one that is switched off and keeps everything."""
    if not step.enabled(settings) or step.build is None:
        return None
    stage = step.build(settings, chain.fingerprints())
    return stage if isinstance(stage, Ruled) else None


def _unknown(step: Step, batch: Batch) -> str:
    return (
        f"{step.name} would come out otherwise, and how does not follow from what it stored; run batch {batch.batch_id} with these "
        "settings (`sluice run --set ...`; stages before it are taken over)"
    )
