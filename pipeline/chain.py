"""How a batch stands: which snapshots there are, which of them may be built on, and if not, what changed.

What may be reused is decided by a fingerprint of everything that decides a stage's result, never by a file's existence. How far a
run came stands in ``head-<settings>.json``, so that an upgrade of the code does not hide what was done before it.
"""

from __future__ import annotations

import json
from typing import Any

from pipeline.batch import Batch
from pipeline.errors import SnapshotError
from pipeline.faults import point
from pipeline.fingerprint import code_digest, digest, library_versions
from pipeline.lake import manifest as manifests
from pipeline.lake.manifest import Manifest
from pipeline.lake.snapshots import Chain
from pipeline.recipe import RECIPE, Step

RUNNER_CODE = (
    "run.py",
    "metrics.py",
    "accounts.py",
    "lake/snapshots.py",
    "document.py",
    "intervals.py",
    "verdict.py",
    "reasons.py",
)
"""What decides every stage's result: part of each fingerprint beside the stage's own code."""


def chain_before(batch: Batch, name: str) -> Chain:
    """Return the committed snapshots before a stage.

    Raises
    ------
    SnapshotError
        If one is missing.
    """
    found: list[Manifest] = []
    for entry in RECIPE:
        if entry.name == name:
            break
        chain = Chain(batch.lake, batch.raw, tuple(found))
        manifest = manifests.find(batch.lake, batch.batch_id, entry.name, stage_fingerprint(batch, entry, chain))
        if manifest is None:
            raise SnapshotError(why_missing(batch, entry, chain))
        found.append(manifest)
    return Chain(batch.lake, batch.raw, tuple(found))


def full_chain(batch: Batch) -> Chain:
    """Return the snapshots that the batch's last run came to, whatever code made them: what gates, listings and stories read.

    Unlike `chain_before` it compares no fingerprint with the present code, so that an upgrade does not hide what was done. A
    snapshot that was removed ends the chain: what was built on it has to be made again.
    """
    found: list[Manifest] = []
    for stage, fingerprint in _head(batch, _head_name(batch)):
        manifest = manifests.find(batch.lake, batch.batch_id, stage, fingerprint)
        if manifest is None:
            break
        found.append(manifest)
    return Chain(batch.lake, batch.raw, tuple(found))


CHANGES = {
    "code": "the code of stage {stage}",
    "settings": "the configuration of stage {stage}",
    "pinned": "the release that stage {stage} builds on",
    "models": "a model of stage {stage}",
    "input": "the input of stage {stage}",
}
"""What may have changed since a stage ran, by the name of the ingredient."""


def why_missing(batch: Batch, entry: Step, chain: Chain) -> str:
    """Return the sentence for a stage without a snapshot that may be built on: what changed since it ran, and the next step."""
    ran = _last_result(batch, entry.name)
    if ran is None:
        return f"batch {batch.batch_id}: stage {entry.name} has not run yet; run `sluice stage {entry.name}` first"
    now = ingredients(batch, entry, chain)
    then = ran.ingredients
    changed = [said for name, said in CHANGES.items() if name in then and then[name] != digest(now[name])]
    changed += [
        f"library {name} ({ran.libraries[name]}, now {version})"
        for name, version in now["libraries"].items()
        if ran.libraries.get(name, version) != version
    ]
    # A manifest that was written before ingredients were kept is older code's.
    what = " and ".join(changed or [CHANGES["code"]]).format(stage=entry.name)
    return (
        f"batch {batch.batch_id}: {what} changed since it ran in this batch, so nothing can be built on its result; in Airflow clear "
        f"{entry.name}.run and everything after it, on the command line `sluice run` does it again from there"
    )


def _last_result(batch: Batch, stage: str) -> Manifest | None:
    """Return what a stage came to before: under this configuration, or else under any other that the batch was run with."""
    own = _head_name(batch)
    others = [
        name for name in batch.lake.list(f"batches/{batch.batch_id}") if name.rpartition("/")[2].startswith("head-")
    ]
    for name in (own, *others):
        fingerprint = dict(_head(batch, name)).get(stage)
        manifest = manifests.find(batch.lake, batch.batch_id, stage, fingerprint) if fingerprint else None
        if manifest is not None:
            return manifest
    return None


def _head(batch: Batch, name: str) -> list[tuple[str, str]]:
    """Return stage and fingerprint of each snapshot that the batch's last run came to."""
    try:
        return [(stage, fingerprint) for stage, fingerprint in batch.lake.read_json(name)]
    except FileNotFoundError:
        return []


def _head_name(batch: Batch) -> str:
    return f"batches/{batch.batch_id}/head-{batch.settings_digest}.json"


def set_head(batch: Batch, chain: Chain, manifest: Manifest) -> None:
    """Record how far the batch has come: a stage that came out anew leaves what followed its old result behind."""
    head = [(entry.stage, entry.fingerprint) for entry in (*chain.manifests, manifest)]
    # As the head stands: what it names may be gone, and this is what mends it.
    if _head(batch, _head_name(batch))[: len(head)] != head:
        point("stage.head.before")
        batch.lake.write_atomic(_head_name(batch), json.dumps(head).encode())
        point("stage.head.after")


def stage_fingerprint(batch: Batch, entry: Step, chain: Chain) -> str:
    """Return what decides whether a stage's result may be reused: its input, pinned base, configuration, code and models."""
    return digest(ingredients(batch, entry, chain))[:32]


def ingredients(batch: Batch, entry: Step, chain: Chain) -> dict[str, Any]:
    """Return all that decides a stage's result, by name; a manifest keeps a digest of each, so that a change can be told."""
    version, models = _version_and_models(batch, entry, chain)
    return {
        "stage": entry.name,
        "input": chain.manifests[-1].content_digest() if chain.manifests else batch.batch_id,
        "pinned": entry.pinned(batch, chain),
        "settings": [entry.reads_settings(batch.settings), entry.enabled(batch.settings)],
        "code": [version, code_digest((*entry.code, *RUNNER_CODE))],
        "libraries": library_versions(entry.libraries),
        "models": models,
    }


def _version_and_models(batch: Batch, entry: Step, chain: Chain) -> tuple[str, dict[str, str]]:
    """Return a per-document stage's version and the digests of its models; none where it is switched off, or a wide stage."""
    if entry.build is None or not entry.enabled(batch.settings):
        return "1", {}
    stage = entry.build(batch.settings, chain.fingerprints())
    return stage.version, stage.models
