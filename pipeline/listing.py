"""What the lake holds, as plain data: for the command's listings and for pages."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any, cast

from pipeline import accounts, config, gating
from pipeline.batch import corpus, list_batches, load_batch
from pipeline.chain import full_chain
from pipeline.errors import SluiceError, UserError
from pipeline.lake import quarantine
from pipeline.lake.releases import Release
from pipeline.lake.snapshots import Chain
from pipeline.review import cases, decisions


def gate_report(reference: dict[str, Any], stage: str) -> dict[str, Any]:
    """Judge a stage and return the whole report; a block is in the report, not raised."""
    batch = load_batch(reference)
    result = gating.run_gate(batch, stage)
    return {**result.model_dump(mode="json"), "report": gating.report_path(batch, stage)}


def releases(config_file: Path) -> list[dict[str, Any]]:
    """Return the chain of releases, oldest first."""
    return [_release_row(entry) for entry in corpus(config.load(config_file)).history()]


def release(config_file: Path, number: int | None) -> dict[str, Any]:
    """Return one release, the newest by default.

    Raises
    ------
    UserError
        If there is none.
    """
    published = corpus(config.load(config_file))
    found = published.get(number) if number is not None else published.newest()
    if found is None:
        raise UserError("the corpus has no release yet; `sluice run CONFIG` makes one")
    return dict(found.model_dump(mode="json"))


def batches(config_file: Path) -> list[dict[str, Any]]:
    """Return the lake's batches, each with every configuration it was run with.

    `settings` names the file of all settings, places of files included; `configuration` is the same for all batches that were run
    with one configuration, whatever files they are of.
    """
    return [_batch_row(reference) for reference in list_batches(config.load(config_file))]


def find_batch(config_file: Path, batch_id: str) -> dict[str, Any]:
    """Return the reference of a batch of the configuration's lake; of several configurations the one that came farthest.

    Raises
    ------
    UserError
        If the lake has no such batch.
    """
    found = [entry for entry in list_batches(config.load(config_file)) if entry["batch_id"] == batch_id]
    if not found:
        raise UserError(f"the lake has no batch '{batch_id}'; `sluice batch list` shows the ones it has")
    farthest: dict[str, str] = max(found, key=lambda entry: len(full_chain(load_batch(entry)).stages))
    return dict(farthest)


def batch_files(reference: dict[str, Any], source: str | None = None) -> list[dict[str, Any]]:
    """Return the account of each file of a batch, and what lies in its sources and was not read, with the reason.

    Raises
    ------
    UserError
        If ingest has not run yet, or ran before there were accounts.
    """
    batch = load_batch(reference)
    chain = full_chain(batch)
    if not chain.stages:
        raise UserError(f"batch {batch.batch_id}: ingest has not run yet; run `sluice stage ingest` first")
    if not chain.manifest("ingest").shards(accounts.ROLE):
        raise UserError(
            f"batch {batch.batch_id} was read before files had accounts; `sluice batch funnel` shows it by source, and `sluice run` "
            "reads it anew"
        )
    found = [{**row, "not_read": None} for row in accounts.rows_of(chain)]
    found += [{"source": file.source, "file": file.path, "not_read": file.reason} for file in batch.record.unread]
    found += [
        {"source": entry.source, "file": entry.path, "not_read": f"unreadable ({entry.error}), and so the whole source"}
        for entry in batch.record.failed
    ]
    return [row for row in found if source in {None, row["source"]}]


def quarantined(reference: dict[str, Any], stage: str | None, reason: str | None, limit: int) -> list[dict[str, Any]]:
    """Return quarantined documents: id, source, place, stage and findings; never text."""
    found = quarantine.rows(_chain(reference), stage, reason)
    return [
        {**row, "reason": row["findings"][0]["reason"], "place": f"{row['record_file']}@{row['record_offset']}"}
        for row in islice(found, limit)
    ]


def quarantined_content(reference: dict[str, Any], document_id: str) -> bytes:
    """Return a document's raw text in UTF-8, or its record's own bytes.

    Raises
    ------
    UserError
        If nothing is kept of it: it was taken down or opted out, was too large to hold, or is a damaged part of a file.
    """
    text, record = quarantine.content(_chain(reference), document_id)
    if text is None and not record:
        raise UserError(
            f"nothing is kept of '{document_id}': it was taken down, opted out, too large to hold, empty, or a damaged part of a file; "
            "`sluice explain` names the file and the place in it"
        )
    return text.encode("utf-8", "surrogatepass") if text is not None else record or b""


def reviews(config_file: Path) -> list[dict[str, Any]]:
    """Return the review cases, oldest first, each with its standing decision."""
    found = []
    for case in cases.list_cases(cases.database_of(config.load(config_file))):
        last = case.decisions[-1] if case.decisions else None
        found.append(
            {
                "case_id": case.case_id,
                "batch_id": case.batch_id,
                "state": case.state,
                "flags": "; ".join(f"{flag['stage']}: {flag['says']}" for flag in case.flagged),
                "who": last.who if last else None,
                "why": last.why if last else None,
                "when": last.at if last else None,
            }
        )
    return found


def decide_case(config_file: Path, case_id: str, decision: str, who: str, why: str) -> dict[str, Any]:
    """Record a decision on a case and publish the batch if it was approved."""
    from datetime import UTC, datetime

    from pipeline import api

    database = cases.database_of(config.load(config_file))
    case = cases.get(database, case_id)
    reference = _seen_in(config_file, case)
    decided = decisions.decide(
        database, case_id, decision=cast("decisions.Choice", decision), who=who, why=why, when=datetime.now(UTC), digest=case.digest
    ).reference()  # fmt: skip
    return {**decided, "commit": api.commit(reference, case_id)} if decision == "approve" else decided


def _seen_in(config_file: Path, case: cases.Case) -> dict[str, Any]:
    """Return the batch of a case under the configuration that it was seen with: a batch may have been run with several."""
    from pipeline import api

    for entry in list_batches(config.load(config_file)):
        if entry["batch_id"] == case.batch_id:
            chain = full_chain(load_batch(entry))
            if "validate" in chain.stages and api.seen(chain) == case.digest:
                return dict(entry)
    return find_batch(config_file, case.batch_id)


def reopen_case(config_file: Path, case_id: str, who: str, why: str) -> dict[str, Any]:
    """Let a decided case be decided again."""
    from datetime import UTC, datetime

    database = cases.database_of(config.load(config_file))
    return decisions.reopen(database, case_id, who=who, why=why, when=datetime.now(UTC)).reference()


def _chain(reference: dict[str, Any]) -> Chain:
    return full_chain(load_batch(reference))


def _release_row(entry: Release) -> dict[str, Any]:
    return {
        "release": entry.number,
        "kind": entry.kind,
        "documents": entry.documents,
        "added": entry.added,
        "removed": entry.removed,
        "digest": entry.digest[:16],
        "batch": entry.batch_id,
        "published_at": entry.published_at,
    }


def _batch_row(reference: dict[str, str]) -> dict[str, Any]:
    row: dict[str, Any] = {"batch": reference["batch_id"], "settings": reference["settings"]}
    try:
        batch = load_batch(reference)
        chain = full_chain(batch)
    except SluiceError as error:
        return {**row, "last_stage": f"not readable: {error}"}
    verdicts = gating.verdicts(batch)
    own = next((r.number for r in batch.corpus.history() if r.batch_id == batch.batch_id), None)
    last = chain.manifests[-1] if chain.manifests else None
    return {
        **row,
        "configuration": batch.settings.digest()[:8],
        "base": batch.record.base,
        "files": len(batch.record.inputs),
        "last_stage": last.stage if last else "none",
        "kept": last.total("kept") if last else None,
        "gates": ", ".join(
            f"{stage} {result.verdict}" for stage, result in verdicts.items() if result.verdict != "pass"
        )
        or "pass",
        "release": own,
    }
