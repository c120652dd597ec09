"""The commit of a batch: a judged candidate becomes a release of the corpus."""

from __future__ import annotations

from typing import Any

from pipeline import gating
from pipeline.batch import Batch
from pipeline.chain import full_chain
from pipeline.errors import GateBlocked, ReleaseConflict
from pipeline.history import to_keep
from pipeline.lake.releases import Approval, Release
from pipeline.lake.snapshots import Chain
from pipeline.run import run_stage

INDICATORS = (
    "quality_share", "quality_lower", "duplicate_share", "duplicate_upper", "provenance_completeness", "bias_coverage",
)  # fmt: skip
"""The four indicators of design section 9: the measured share and the bound that counts."""


def commit(batch: Batch, approval: dict[str, Any] | None) -> tuple[Release, bool]:
    """Make the release of a judged candidate; if the corpus moved on meanwhile, rebase and judge again first.

    Parameters
    ----------
    batch
        The batch, with every stage run.
    approval
        A curator's approval (who, when, why, case_id), if the batch was flagged.

    Returns
    -------
    tuple
        The release, and whether this call made it.

    Raises
    ------
    GateBlocked
        If the publish gate blocks.
    LeaseHeld
        If another writer holds the corpus.
    """
    from pipeline.stages.publish import DOCUMENTS_ROLE, released

    for _ in range(10):
        # A candidate that was built on an older release has another fingerprint now, and is built again: rebase only removes.
        run_stage(batch, "publish")
        chain = full_chain(batch)
        own = released(batch, chain)
        if own is not None:
            return own, False
        newest = batch.corpus.newest()
        if newest is not None and not chain.manifest("publish").shards(DOCUMENTS_ROLE):
            return newest, False
        result = gating.run_gate(batch, "publish")
        if result.verdict == "block":
            raise GateBlocked(
                f"batch {batch.batch_id}: {result.message()}; report: {gating.report_path(batch, 'publish')}"
            )
        try:
            return _publish(batch, chain, approval), True
        except ReleaseConflict:
            continue
    raise ReleaseConflict(f"batch {batch.batch_id}: the corpus moved on ten times while it was published; try again")


def _publish(batch: Batch, chain: Chain, approval: dict[str, Any] | None) -> Release:
    from pipeline.stages.publish import DOCUMENTS_ROLE, SIGNATURES_ROLE, candidate
    from pipeline.stages.redacted import redacting_of
    from pipeline.stages.signed import signing_of

    manifest = chain.manifest("publish")
    onto = manifest.metrics["onto"]
    return batch.corpus.publish(
        base=None if onto is None else int(onto),
        batch_id=batch.batch_id,
        fingerprint=candidate(chain),
        documents=[file.name for file in manifest.shards(DOCUMENTS_ROLE)],
        signatures=[file.name for file in manifest.shards(SIGNATURES_ROLE)],
        signing=signing_of(batch.settings.dedup),
        redacting=redacting_of(batch.settings),
        metrics=to_keep(chain.manifests),
        kpis={name: manifest.metrics.get(name) for name in (*INDICATORS, "duplicate_scope", "sample_size")},
        marks=[f"{entry.stage}: switched off, not measured" for entry in chain.manifests if entry.switched_off],
        approved=Approval(who=approval["who"], when=approval["when"], why=approval["why"]) if approval else None,
    )
