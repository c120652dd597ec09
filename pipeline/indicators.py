"""The four indicators of a release, measured on what is about to be released (design: the four KPIs).

Samples are drawn by a keyed digest of the document id. Where the sample is all there is, the share is exact and its bounds are the
share itself; otherwise the bound is the 95 % one of Clopper and Pearson. A stage that is switched off leaves its part unmeasured,
and the indicator is null.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.dedup.audit import audit
from pipeline.intervals import Interval, proportion
from pipeline.lake.manifest import ShardFile
from pipeline.lake.releases import Release
from pipeline.lake.snapshots import Chain, read_file_columns
from pipeline.sampling import keyed_sample
from pipeline.settings import Settings
from pipeline.stages.provenance import verify
from pipeline.stages.validate import stage_of

if TYPE_CHECKING:
    from pipeline.batch import Batch

Figures = dict[str, float | str | None]


def measure(batch: Batch, chain: Chain, files: Sequence[ShardFile], onto: int | None) -> Figures:
    """Return the indicators that come from samples: quality and duplicates, and the coverage of the bias report.

    Parameters
    ----------
    batch
        The batch that is about to be released.
    chain
        Its snapshots before publish.
    files
        The release candidate's files.
    onto
        The release that the candidate is built on: its documents are the rest of the corpus.
    """
    documents = [file for file in files if file.role == "documents"]
    sample = draw(batch, documents)
    validated = chain.manifest("validate").metrics
    return {
        **_quality(batch.settings, chain, sample),
        **_duplicates(batch, chain, sample, documents, onto),
        "bias_coverage": _number(validated.get("bias_covered_share")),
        "sample_size": sample.num_rows,
    }


def draw(batch: Batch, documents: Sequence[ShardFile]) -> pa.Table:
    """Return the sample: the rows whose ids have the smallest digests under the batch's key."""
    names = ["document_id", "text", "language", "source_kind", "lineage", "lineage_digest"]
    ids = [read_file_columns(batch.lake, file, ["document_id"]).column(0).combine_chunks() for file in documents]
    if not ids:
        return pa.table({name: pa.array([], pa.string()) for name in names})
    chosen = keyed_sample(pa.concat_arrays(ids), batch.settings.publish.sample_size, batch.batch_id)
    starts = np.cumsum([0, *(len(part) for part in ids)])
    tables = []
    for number, file in enumerate(documents):
        mine = chosen[(chosen >= starts[number]) & (chosen < starts[number + 1])] - starts[number]
        if len(mine):
            tables.append(read_file_columns(batch.lake, file, names).take(pa.array(np.sort(mine))))
    return pa.concat_tables(tables).combine_chunks()


def interval(hits: int, sampled: int, total: int) -> Interval:
    """Return a share with its bounds; exact where everything was sampled."""
    if sampled == total and total:
        return Interval(hits / total, hits / total, hits / total)
    return proportion(hits, sampled)


def _quality(settings: Settings, chain: Chain, sample: pa.Table) -> Figures:
    """Re-evaluate the sample from the published text, by other means than the stages used."""
    if sample.num_rows == 0:
        return {"quality_share": None, "quality_lower": None}
    checks = {name: check for name, check in _checks(settings, sample).items() if check is not None}
    passed = np.logical_and.reduce(list(checks.values()))
    total = chain.manifest("validate").total("kept")
    share = interval(int(passed.sum()), sample.num_rows, total)
    failures: Figures = {f"quality_failed_{name}": float((~check).sum()) for name, check in checks.items()}
    return {"quality_share": share.share, "quality_lower": share.lower, **failures}


def _checks(settings: Settings, sample: pa.Table) -> dict[str, npt.NDArray[np.bool_] | None]:
    """Return for each part of the definition which documents pass it; None where its stage is switched off."""
    texts = sample.column("text").to_pylist()
    lineage = zip(sample.column("lineage").to_pylist(), sample.column("lineage_digest").to_pylist(), texts, strict=True)
    return {
        "language": _second_opinion(sample) if settings.ingestion.language_detection else None,
        "pii": _unscreened(settings, texts) if settings.cleaning.remove_pii else None,
        "score": _reference_score(settings, sample) if settings.cleaning.filter_low_quality else None,
        "lineage": np.array([verify(line, digest, text) for line, digest, text in lineage], bool),
        "contamination": _clean(settings, sample),
    }


def _second_opinion(sample: pa.Table) -> npt.NDArray[np.bool_]:
    """Return where a second model agrees on the language; a language that it does not know counts as agreed."""
    from pipeline.language.audit import agrees

    opinion = agrees(sample.column("text").combine_chunks(), sample.column("language").combine_chunks())
    return np.array([value is not False for value in opinion.to_pylist()], bool)


def _unscreened(settings: Settings, texts: Sequence[str]) -> npt.NDArray[np.bool_]:
    """Return where the recognisers, run on the whole text without screens, find nothing."""
    from pipeline.pii.rescan import unscreened

    return np.array([next(unscreened(text, settings.pii), None) is None for text in texts], bool)


def _reference_score(settings: Settings, sample: pa.Table) -> npt.NDArray[np.bool_]:
    """Return where the plain-Python measures put the document at or above the threshold."""
    from pipeline.quality.reference import reference_scores

    texts, languages, kinds = (sample.column(name).to_pylist() for name in ("text", "language", "source_kind"))
    scores = reference_scores(texts, languages, kinds, settings.quality.model)
    # The stage's scores are 32-bit; a document on the limit must not fail by the digits that were cut.
    return np.asarray(scores >= settings.cleaning.quality_threshold - 1e-6, bool)


def _clean(settings: Settings, sample: pa.Table) -> npt.NDArray[np.bool_]:
    """Return where no benchmark item is found in the published text."""
    stage = stage_of(settings.validation)
    batch = pa.RecordBatch.from_arrays(
        [sample.column(name).combine_chunks() for name in stage.reads], names=list(stage.reads)
    )
    hits = stage.apply(batch).column("contaminated_item")
    return np.asarray(hits.is_null().to_numpy(zero_copy_only=False), bool)


def _duplicates(
    batch: Batch, chain: Chain, sample: pa.Table, documents: Sequence[ShardFile], onto: int | None
) -> Figures:
    """Look for a twin of each sampled document in the corpus as it would be, by means of the audit's own."""
    if chain.manifest("dedup").switched_off or sample.num_rows == 0:
        return {"duplicate_share": None, "duplicate_upper": None}
    own = batch.settings.dedup
    published = batch.corpus.get(onto) if onto is not None else None
    whole = published is None or published.documents <= batch.settings.publish.audit_documents
    result = audit(
        sample.column("document_id").combine_chunks(),
        sample.column("text").combine_chunks(),
        _corpus(batch, documents, published if whole else None),
        own.threshold,
        own.shingling,
    )
    share = interval(result.with_twin, result.sampled, sum(file.rows for file in documents))
    return {
        "duplicate_share": share.share,
        "duplicate_upper": share.upper,
        "duplicate_scope": "corpus" if whole else "batch",
    }


def _corpus(batch: Batch, documents: Sequence[ShardFile], published: Release | None) -> Iterator[tuple[Any, Any]]:
    """Yield the candidate's documents, then the corpus's, as ids and texts."""
    for file in documents:
        table = read_file_columns(batch.lake, file, ["document_id", "text"])
        yield table.column(0), table.column(1)
    if published is not None:
        for part in batch.corpus.documents(published, ["document_id", "text"]):
            yield part.column("document_id"), part.column("text")


def _number(value: float | str | None) -> float | None:
    return None if value is None or isinstance(value, str) else float(value)
