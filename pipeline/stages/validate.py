"""Validate: is a document contaminated by a benchmark item, whom does it mention and what is it about; and the batch's slice and bias figures."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial

import numpy as np
import pyarrow as pa

from pipeline.bias.groups import groups_in, topics_in
from pipeline.bias.screen import screen
from pipeline.bias.terms import digests as term_digests
from pipeline.bias.topics import digests as topic_digests
from pipeline.document import VALIDATE
from pipeline.lake.snapshots import Chain
from pipeline.settings import BenchmarkSlice, Validation
from pipeline.slices.benchmarks import digests
from pipeline.slices.coverage import vocabulary_of, weighted
from pipeline.slices.decontaminate import index_of
from pipeline.stages.bias import count_shard, report_batch
from pipeline.verdict import Rule, evaluate_rules
from pipeline.work import Work


@dataclass(frozen=True)
class ValidateStage:
    """Rejects `validate.contaminated@1`: a document that shares a shingle (13 words, by default) with a benchmark item.

    The finding's value is the number of shared shingles, its limit 0, its evidence ``slice:item``.
    """

    slices: tuple[BenchmarkSlice, ...]
    shingle_size: int
    name: str = "validate"
    version: str = "1"

    @property
    def reads(self) -> tuple[str, ...]:
        """Columns that `apply` needs."""
        return ("text", "language")

    @property
    def adds(self) -> pa.Schema:
        """Columns that `apply` returns."""
        return VALIDATE

    @property
    def models(self) -> dict[str, str]:
        """The benchmark files and the lists of identity terms and of topics."""
        return {**digests(self.slices), **term_digests(), **topic_digests()}

    def apply(self, documents: pa.RecordBatch) -> pa.RecordBatch:
        """Return contamination, mentions, topic and verdict for each document."""
        texts = documents.column("text")
        hits = index_of(self.slices, self.shingle_size).find(texts)
        found = [
            pa.array([hit.item if hit else None for hit in hits], pa.string()),
            pa.array([hit.shingles if hit else 0 for hit in hits], pa.int32()),
        ]
        verdict = evaluate_rules(len(hits), self.rules(pa.RecordBatch.from_arrays(found, names=list(self.decides_by))))
        screened = screen(texts, documents.column("language"))
        named = [groups_in(screened), topics_in(screened)]
        return pa.RecordBatch.from_arrays([*found, *named, verdict], schema=VALIDATE)

    @property
    def verdict_fields(self) -> tuple[str, ...]:
        """With other slices or shingles other items would be shared."""
        return ()

    @property
    def decides_by(self) -> tuple[str, ...]:
        """The benchmark item and the shingles that it shares."""
        return ("contaminated_item", "contaminated_shingles")

    def rules(self, stored: pa.RecordBatch) -> list[Rule]:
        """Return the one rule: no shared shingle."""
        shingles = stored.column("contaminated_shingles").to_numpy(zero_copy_only=False).astype(np.float64)
        items = stored.column("contaminated_item").to_pylist()
        return [Rule("validate.contaminated@1", shingles > 0, shingles, 0.0, evidence=items, side="above")]


def stage_of(settings: Validation) -> ValidateStage:
    """Return the stage of a configuration; publish looks at its sample again with the same one."""
    return ValidateStage(slices=settings.benchmark_slices, shingle_size=settings.contamination_shingle_size)


def figures(work: Work, chain: Chain) -> dict[str, float | str | None]:
    """Return what only the whole batch can say: the slices' figures and the bias report, which is written beside the shards."""
    slices = work.batch.settings.validation.benchmark_slices
    answers = work.on_workers(list(range(chain.shards)), partial(measure_shard, chain=chain, slices=slices))
    hits = np.logical_or.reduce([np.array(answer["hits"], bool) for answer in answers])
    scores = vocabulary_of(slices).scores(hits)
    return {
        **{f"slice/{name}": value for name, value in scores.items()},
        "slice_score_weighted": weighted(scores, slices),
        **report_batch(work, chain, [answer["bias"] for answer in answers]),
    }


def measure_shard(shard: int, chain: Chain, slices: tuple[BenchmarkSlice, ...]) -> str:
    """Count one shard's part of the batch's figures (on a worker)."""
    kept = np.flatnonzero(chain.live(shard)).astype(np.int64)
    texts = chain.documents(shard, ["text"], kept).column("text").combine_chunks()
    hits = vocabulary_of(slices).hits(texts)
    return json.dumps({"hits": hits.astype(int).tolist(), "bias": count_shard(shard, chain)})
