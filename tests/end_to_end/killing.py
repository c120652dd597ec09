"""Runs that are killed, runs that go on, and a reader who watches the lake meanwhile."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import time
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

from pipeline import api, batch, config, faults, listing
from pipeline.chain import full_chain
from pipeline.errors import UserError
from pipeline.lake.manifest import check_files
from pipeline.lake.releases import Corpus, Release
from pipeline.recipe import STAGES
from tests.end_to_end.conftest import YAML, documents, texts, write_jsonl

SHARD_DOCUMENTS = 6


def processes() -> ForkServerContext:
    """Return a maker of processes that share no state with this one and need not import everything anew."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        ["tests.end_to_end.warm", "tests.end_to_end.killing", "pipeline.commit", "pipeline.lake.iceberg"]
    )
    return context


def write_project(folder: Path) -> Path:
    """Write a configuration and the input of two batches: what is published first, and the one that will be killed.

    The second repeats two documents of the first, holds near-duplicates, personal data and broken lines, in two sources.
    """
    folder.mkdir(parents=True)
    (folder / "pipeline.yaml").write_text(YAML.replace("      - social_feeds\n", ""))
    write_jsonl(folder / "first" / "a.jsonl", documents(10))
    source = folder / "input"
    rows = documents(14, start=8, prefix="again")
    rows[4]["text"] = f"Write to jane.roe@example.org or call 415 555 2671.\n\n{rows[4]['text']}"
    rows.append({**rows[5], "id": "copy", "text": f"{rows[5]['text']}\nOne more line."})
    write_jsonl(source / "licensed_content" / "a.jsonl", rows)
    (source / "licensed_content" / "a.jsonl").open("a").write("{broken\n")
    write_jsonl(
        source / "web_crawl" / "b.jsonl",
        [{"id": f"w{i}", "text": text, "url": f"https://example.org/{i}"} for i, text in enumerate(texts(8, start=24))],
    )
    return folder


def curate(folder: Path, inputs: dict[str, list[str]] | None = None, **overrides: Any) -> dict[str, Any]:
    """Take the project's batch to its release as an operator would, approving it where it is held; may be called again and again."""
    settings = {"ingestion.shard_documents": SHARD_DOCUMENTS, **overrides}
    reference = api.open_batch(str(folder / "pipeline.yaml"), overrides=settings, inputs=inputs)
    result = api.run_all(reference)
    if not result["published"] and result.get("case_id"):
        try:
            api.decide(
                reference, result["case_id"], "approve", "a curator", "looked at it", "2026-01-01T00:00:00+00:00"
            )
        except UserError as error:
            if "decided before" not in str(error):
                raise
        result = api.commit(reference, result["case_id"])
    return result


def curate_in_process(folder: str, fault: str | None, results: Any, overrides: dict[str, Any]) -> None:
    """Curate in a process of its own, with a fault planted."""
    os.environ.setdefault("SLUICE_SPARK_MASTER", "inline")
    faults.arm(fault)
    result = curate(Path(folder), **overrides)
    results.put(result)


class Lake:
    """A project whose lake holds one release, put back for each case; in the same place, as its tables hold full addresses."""

    def __init__(self, folder: Path) -> None:
        self.folder = write_project(folder)
        self._saved = folder.parent / f"{folder.name}.saved"
        first = curate(self.folder, {"licensed_content": [str(folder / "first")]})
        assert first["release"] == 1
        shutil.copytree(self.folder / "lake", self._saved)
        started = time.monotonic()
        self.undisturbed = curate(self.folder)
        self.seconds = time.monotonic() - started
        assert self.undisturbed["release"] == 2

    def restore(self) -> None:
        """Put the lake back to where only the first release exists."""
        shutil.rmtree(self.folder / "lake")
        shutil.copytree(self._saved, self.folder / "lake")

    def check(self, result: dict[str, Any]) -> None:
        """Check that a run came to what the undisturbed one came to, and that the lake is whole."""
        assert result["digest"] == self.undisturbed["digest"]
        assert result["release"] == 2
        releases = listing.releases(self.folder / "pipeline.yaml")
        assert [entry["release"] for entry in releases] == [1, 2]
        assert wrongs(self.folder) == []


def wrong_in(corpus: Corpus, release: Release) -> list[str]:
    """Return what of a release does not agree with its record."""
    found = []
    if corpus.recompute(release, texts=True) != release.digest:
        found.append(f"release {release.number}: its documents do not give its digest")
    signed = sum(part.num_rows for part in corpus.signatures(release, ["document_id"]))
    if signed != release.documents:
        found.append(f"release {release.number}: {release.documents} documents, {signed} signatures")
    ids = [name for part in corpus.documents(release, ["document_id"]) for name in part[0].to_pylist()]
    index = corpus.index(release)
    if index is None or index.places(ids).keys() != set(ids):
        found.append(f"release {release.number}: its index does not have its documents")
    if sum(segment.documents for segment in release.index or ()) != release.documents:
        found.append(f"release {release.number}: its index has other documents")
    return found


def wrongs(folder: Path) -> list[str]:
    """Return what a reader sees wrong in a lake just now: releases in halves, snapshots in parts, reports that cannot be read."""
    settings = config.load(folder / "pipeline.yaml")
    found = []
    corpus = batch.corpus(settings)
    for release in corpus.history():
        found += wrong_in(corpus, release)
    for reference in batch.list_batches(settings):
        opened = batch.load_batch(reference)
        chain = full_chain(opened)
        if chain.stages != STAGES[: len(chain.stages)]:
            found.append(f"{opened.batch_id}: stages {chain.stages}")
        for manifest in chain.manifests:
            check_files(opened.lake, manifest, digests=True)
            if any(count.lost for count in manifest.counts):
                found.append(f"{opened.batch_id}/{manifest.stage}: documents lost")
        for name in opened.lake.list(f"batches/{opened.batch_id}"):
            if "/gate-" in name:
                json.loads(opened.lake.read_bytes(name))
    return found


def watch(folder: str, stop: Any, results: Any) -> None:
    """Read again and again, and report what was wrong and how often it was looked."""
    seen: list[str] = []
    looks = 0
    while not stop.is_set():
        try:
            seen += wrongs(Path(folder))
        except Exception as error:  # noqa: BLE001 - whatever a reader stumbles over is what is looked for
            seen.append(f"{type(error).__name__}: {error}")
        looks += 1
        stop.wait(0.2)
    results.put((looks, sorted(set(seen))))
