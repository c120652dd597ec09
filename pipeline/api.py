"""The calls that make a batch: the same for the command line and for the DAGs.

Every call takes and gives small plain data, so that a reference can travel between tasks; data travels through the lake. What a
call raises holds no text: see `pipeline.guard`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from pipeline import config, deletions, drops, gating
from pipeline.batch import Batch, load_batch
from pipeline.batch import open_batch as open_input
from pipeline.chain import full_chain
from pipeline.commit import INDICATORS
from pipeline.commit import commit as publish
from pipeline.errors import UserError
from pipeline.guard import guarded
from pipeline.lake.manifest import Manifest
from pipeline.lake.snapshots import Chain
from pipeline.recipe import STAGES
from pipeline.report.funnel import funnel as funnel_rows
from pipeline.run import Progress
from pipeline.run import run_stage as run
from pipeline.work import INLINE, master_of, session_of

Reference = Mapping[str, Any]


@guarded
def open_batch(
    config_path: str,
    overrides: Mapping[str, Any] | None = None,
    inputs: Mapping[str, Sequence[str]] | None = None,
    sources: Sequence[str] | None = None,
    batch_id: str | None = None,
) -> dict[str, Any]:
    """Open the batch of a configuration's input and return its reference.

    Parameters
    ----------
    config_path
        The configuration file.
    overrides
        Dotted keys of the settings with other values, e.g. ``{"cleaning.quality_threshold": 0.5}``.
    inputs
        Paths that replace a source's own; only these sources are taken then.
    sources
        Sources to take; all, if not given.
    batch_id
        The batch that the input must make, if given: what a drop was when it was found.

    Raises
    ------
    SourceChanged
        If the input makes another batch than `batch_id`; nothing is opened then.
    """
    settings = config.load(config_path)
    if overrides:
        settings = config.override(settings, dict(overrides))
    placed = {
        name: [str(Path(p).absolute()) if "://" not in p else p for p in paths]
        for name, paths in (inputs or {}).items()
    }
    return dict(open_input(settings, placed, sources, batch_id).reference())


@guarded
def run_stage(
    reference: Reference, stage: str, progress: Progress | None = None, *, replay: bool = False
) -> dict[str, Any]:
    """Run one stage, or find its committed result; the gate before it must be open. `replay` makes expired text again.

    What the batch's feeds say was deleted is taken down once they are read, whatever becomes of the batch.

    Raises
    ------
    GateBlocked
        If the gate of the stage before blocks.
    LeaseHeld
        If something was deleted and another writer holds the corpus: run the stage again.
    """
    batch = _batch(reference)
    gating.require_open(batch, stage)
    result = run(batch, stage, progress, replay=replay)
    if stage == "ingest":
        deletions.honour(batch)
    return {"stage": stage, "reused": result.reused, "seconds": round(result.seconds, 2), **_totals(result.manifest)}


@guarded
def run_gate(reference: Reference, stage: str) -> dict[str, Any]:
    """Judge a stage.

    Raises
    ------
    GateBlocked
        If the verdict is `block`.
    """
    batch = _batch(reference)
    try:
        result = gating.passed(batch, stage)
    finally:
        docs = gating.data_docs(batch) if batch.lake.is_local else None
    return {"stage": stage, "verdict": result.verdict, "report": gating.report_path(batch, stage), "data_docs": docs}


@guarded
def holds(reference: Reference) -> list[dict[str, Any]]:
    """Return what the gates flagged: an empty list means that nobody need look before the commit."""
    return [
        {
            "stage": stage,
            "expectation": f"{outcome.type} on {outcome.subject}",
            "says": outcome.says,
            "observed": outcome.observed if outcome.unexpected_count is None else outcome.unexpected_count,
        }
        for stage, result in gating.verdicts(_batch(reference)).items()
        for outcome in result.expectations
        if outcome.consequence == "flag"
    ]


@guarded
def funnel(reference: Reference) -> list[dict[str, Any]]:
    """Return the funnel of a batch."""
    return funnel_rows(full_chain(_batch(reference)))


@guarded
def indicators(reference: Reference) -> dict[str, Any]:
    """Return the four indicators of the batch's release candidate, with their bounds."""
    metrics = full_chain(_batch(reference)).manifest("publish").metrics
    return {name: metrics.get(name) for name in INDICATORS}


@guarded
def open_case(reference: Reference) -> dict[str, Any]:
    """Open (or find) the review case of a batch that its gates flagged; its digest binds it to what was seen."""
    from pipeline.review import cases
    from pipeline.review.summary import markdown

    batch = _batch(reference)
    chain = full_chain(batch)
    flagged = holds(reference)
    return cases.open_case(
        cases.database_of(batch.settings),
        batch_id=batch.batch_id,
        fingerprint=chain.manifest("validate").fingerprint,
        digest=seen(chain),
        flagged=flagged,
        summary=markdown(
            batch.batch_id,
            seen(chain),
            flagged,
            figures=[
                (name, "not measured" if value is None else f"{value:.4f}")
                for name, value in indicators(reference).items()
            ],
            report=gating.report_path(batch, flagged[-1]["stage"]) if flagged else None,
        ),
        timeout_hours=batch.settings.review.timeout_hours,
        now=datetime.now(UTC),
    ).reference()


@guarded
def decide(reference: Reference, case_id: str, decision: str, who: str, why: str, when: str) -> dict[str, Any]:
    """Record a curator's decision on a case: who, when (ISO 8601), why."""
    from pipeline.review import cases, decisions

    batch = _batch(reference)
    return decisions.decide(
        cases.database_of(batch.settings),
        case_id,
        decision=cast("decisions.Choice", decision),
        who=who,
        why=why,
        when=datetime.fromisoformat(when),
        digest=seen(full_chain(batch)),
    ).reference()


def seen(chain: Chain) -> str:
    """Return the digest that a review case is bound to: of the documents as they stand before the rebase, which only removes."""
    return chain.manifest("validate").content_digest()


@guarded
def commit(reference: Reference, case_id: str | None = None) -> dict[str, Any]:
    """Publish a batch: nothing happens if it is in the corpus already, or if its flags have no approval.

    Raises
    ------
    GateBlocked
        If the publish gate blocks.
    LeaseHeld
        If another writer holds the corpus.
    """
    batch = _batch(reference)
    approval = _approval(batch, reference, case_id)
    release, published = publish(batch, approval)
    return {
        "release": release.number,
        "documents": release.documents,
        "added": release.added,
        "digest": release.digest,
        "published": published,
        "why": "published" if published else f"nothing new: the corpus holds it already (release {release.number})",
    }


def _approval(batch: Batch, reference: Reference, case_id: str | None) -> dict[str, Any] | None:
    """Return the approval that a flagged batch needs; None where nothing was flagged.

    Raises
    ------
    UserError
        If the batch was flagged and not approved, or something was flagged that the curator did not see.
    """
    flagged = holds(reference)
    if not flagged:
        return None
    from pipeline.review import cases, decisions

    if case_id is None:
        raise UserError(f"batch {batch.batch_id} was flagged and has no review case; a curator must approve it first")
    database = cases.database_of(batch.settings)
    given = decisions.approval(database, case_id, digest=seen(full_chain(batch)))
    shown = {(flag["stage"], flag["expectation"]) for flag in cases.get(database, case_id).flagged}
    unseen = [flag for flag in flagged if (flag["stage"], flag["expectation"]) not in shown]
    if unseen:
        raise UserError(
            f"batch {batch.batch_id}: flagged since the curator looked: {unseen[0]['says']}; reopen case {case_id}"
        )
    return {"who": given.who, "when": given.at, "why": given.why, "case_id": case_id}


@guarded
def run_all(
    reference: Reference, on_event: Any = None, progress: Progress | None = None, *, replay: bool = False
) -> dict[str, Any]:
    """Run every stage and gate of a batch in order, and publish it unless it was flagged. `replay` makes expired text again."""
    tell = on_event or (lambda *_: None)
    batch = _batch(reference)
    if master_of(batch) != INLINE and full_chain(batch).stages != STAGES:
        session_of(batch, STAGES)  # one session for all stages
    for stage in STAGES:
        tell("stage", run_stage(reference, stage, progress=progress, replay=replay))
        tell("gate", run_gate(reference, stage))
    flagged = holds(reference)
    if flagged:
        case = open_case(reference)
        return {
            "release": None,
            "published": False,
            "case_id": case["case_id"],
            "flagged": flagged,
            "why": "waits for a curator",
        }
    return commit(reference)


@guarded
def find_drops(config_path: str) -> dict[str, Any]:
    """Return the complete drops that no batch has taken (`drops`), the ones that wait, and the unreadable ones."""
    return drops.find(config.load(config_path)).as_data()


@guarded
def claim_drop(config_path: str, drop: Mapping[str, Any]) -> bool:
    """Mark a drop as taken; true for the one caller that did it."""
    return drops.claim(config.load(config_path), drop)


def _batch(reference: Reference) -> Batch:
    return load_batch({key: str(reference[key]) for key in ("lake", "batch_id", "settings")})


def _totals(manifest: Manifest) -> dict[str, int]:
    return {
        "read": manifest.total("read"),
        "kept": manifest.total("kept"),
        "rejected": manifest.total("rejected"),
        "failed": manifest.total("failed"),
    }
