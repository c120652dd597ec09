"""The eight stages in order: what each is built from, and what its result depends on. A new stage is listed here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipeline.errors import UserError
from pipeline.settings import Settings
from pipeline.stage import Stage

if TYPE_CHECKING:
    from pipeline.batch import Batch
    from pipeline.lake.snapshots import Chain
    from pipeline.stages.quality import QualityStage
    from pipeline.work import Work


@dataclass(frozen=True)
class Step:
    """One stage of the recipe."""

    name: str
    reads_settings: Callable[[Settings], Any]
    """The plain data of the settings that its result depends on: part of the fingerprint. Never a path or a master."""
    code: tuple[str, ...]
    """Files and folders of `pipeline/` whose source decides its result, with all that they import; beside the runner's own and what
    an earlier stage names, whose fingerprint is part of this one's."""
    libraries: tuple[str, ...] = ()
    """Distributions whose behaviour decides its result."""
    build: Callable[[Settings, Mapping[str, str]], Stage] | None = None
    """Builds the per-document stage from the settings and the fingerprints of the stages before it; None for the wide ones
    (ingest, dedup, publish)."""
    enabled: Callable[[Settings], bool] = lambda _: True
    """False where the configuration switches the stage off: it passes documents through."""
    figures: Callable[[Work, Chain], dict[str, float | str | None]] = lambda _, __: {}
    """Figures of the whole batch that a per-document stage adds once its shards are written."""
    pinned: Callable[[Batch, Chain], Any] = lambda _, __: None
    """What else its result depends on: the release that the batch is compared with."""


def _base(batch: Batch, _: Chain) -> int | None:
    return batch.record.base


def _onto(batch: Batch, chain: Chain) -> int | None:
    from pipeline.stages.publish import onto

    return onto(batch, chain)


def _ingest(settings: Settings) -> Any:
    from pipeline.sources.robots import digests

    data = settings.ingestion.model_dump(
        mode="json", exclude={"deduplication", "language_detection", "max_failed_share"}
    )
    for source, given in zip(data["sources"], settings.ingestion.sources, strict=True):
        for name in ("paths", "connection", "drop_stable_minutes"):
            del source[name]
        source["consent"] |= digests(given.consent)
    return data


def _language(settings: Settings, _: Mapping[str, str]) -> Stage:
    from pipeline.stages.language import LanguageStage

    own = settings.language
    return LanguageStage(
        wanted=own.wanted,
        min_score=own.min_score,
        min_scores=own.min_scores,
        expected=own.expected,
        window_characters=own.window_characters,
        mixed_policy=own.mixed.policy,
        min_share=own.mixed.min_share,
    )


def _pii(settings: Settings, _: Mapping[str, str]) -> Stage:
    from pipeline.stages.pii import PiiStage

    return PiiStage(settings.pii)


def _quality(settings: Settings, _: Mapping[str, str]) -> Stage:
    return quality_stage(settings)


def quality_stage(settings: Settings) -> QualityStage:
    """Return the quality stage of a configuration."""
    from pipeline.stages.quality import QualityStage

    own = settings.quality
    return QualityStage(
        threshold=settings.cleaning.quality_threshold,
        hard_rules=own.hard_rules,
        soft_rules=own.soft_rules,
        limits=tuple(sorted(own.limits.items())),
        model=own.model,
    )


def _provenance(_: Settings, chain: Mapping[str, str]) -> Stage:
    from pipeline.stages.provenance import ProvenanceStage

    return ProvenanceStage(chain=tuple(sorted(chain.items())))


def _validate(settings: Settings, _: Mapping[str, str]) -> Stage:
    from pipeline.stages.validate import stage_of

    return stage_of(settings.validation)


def _validate_figures(work: Work, chain: Chain) -> dict[str, float | str | None]:
    from pipeline.stages.validate import figures

    return figures(work, chain)


def _slices(settings: Settings) -> Any:
    """Benchmark files by their digests (the stage's models), not by their paths."""
    own = settings.validation.model_dump(mode="json", exclude={"max_regression", "continuous_monitoring"})
    for entry in own["benchmark_slices"]:
        del entry["files"]
    return own


PII_CODE = ("pii", "stages/pii.py", "text/arrow.py", "text/kernels.py", "text/tagging.py")
PII_LIBRARIES = ("presidio-analyzer", "phonenumbers", "pyarrow", "numpy")
DEDUP_CODE = (
    *(
        "text/arrow.py",
        "text/cuts.py",
        "text/hashing.py",
        "text/kernels.py",
        "text/lines.py",
        "text/minhash.py",
        "text/shingles.py",
        "text/shingling.py",
    ),
    "text/words.py",
    "dedup",
)
DEDUP_LIBRARIES = ("datasketch", "numpy")

RECIPE: tuple[Step, ...] = (
    Step(
        "ingest",
        _ingest,
        code=(
            "sources",
            "address.py",
            "spdx.py",
            "text/handles.py",
            "text/normalize.py",
            "stages/ingest.py",
            "stages/ingest_tasks.py",
            "stages/posts.py",
            "stages/threads.py",
        ),
        libraries=("fastwarc", "resiliparse", "trafilatura", "protego", "ftfy", "license-expression", "pyarrow"),
        pinned=_base,
    ),
    Step(
        "dedup",
        lambda s: [
            s.dedup.model_dump(mode="json", exclude={"max_removed_share"}),
            s.pii.model_dump(mode="json"),
            s.language.model_dump(mode="json") if s.pii.names else None,
            s.cleaning.remove_pii,
            {source.name: source.rank for source in s.ingestion.sources},
        ],
        code=(
            *DEDUP_CODE,
            *PII_CODE,
            "language",  # a candidate's names are looked for where its language says so
            "text/characters.py",
            "stages/dedup.py",
            "stages/candidate_tasks.py",
            "stages/choice_tasks.py",
            "stages/redacted.py",
            "stages/repetition.py",
            "stages/scratch.py",
            "stages/signed.py",
        ),
        libraries=tuple(dict.fromkeys((*DEDUP_LIBRARIES, *PII_LIBRARIES, "fasttext-numpy2-wheel", "pycld2"))),
        enabled=lambda s: s.ingestion.deduplication,
        pinned=_base,
    ),
    Step(
        "language",
        lambda s: s.language.model_dump(mode="json"),
        code=("language", "text/arrow.py", "text/characters.py", "text/kernels.py", "stages/language.py"),
        libraries=("fasttext-numpy2-wheel", "pycld2", "pyarrow"),
        build=_language,
        enabled=lambda s: s.ingestion.language_detection,
    ),
    Step(
        "pii",
        lambda s: s.pii.model_dump(mode="json"),
        code=PII_CODE,
        libraries=PII_LIBRARIES,
        build=_pii,
        enabled=lambda s: s.cleaning.remove_pii,
    ),
    Step(
        "quality",
        lambda s: [
            s.cleaning.quality_threshold,
            s.quality.model_dump(mode="json", exclude={"max_removed_share", "model"}),
        ],
        code=("text", "quality", "bias/terms.py", "bias/topics.py", "stages/quality.py"),
        build=_quality,
        enabled=lambda s: s.cleaning.filter_low_quality,
    ),
    Step("provenance", lambda _: None, code=("stages/provenance.py",), build=_provenance),
    Step(
        "validate",
        _slices,
        code=(
            "slices",
            "bias",
            "stages/bias.py",
            "stages/bias_documents.py",
            "stages/bias_evidence.py",
            "stages/validate.py",
        ),
        libraries=("numba", "numpy", "pyarrow", "scipy"),
        build=_validate,
        figures=_validate_figures,
        pinned=_base,
    ),
    Step(
        "publish",
        lambda s: [s.publish.model_dump(mode="json"), s.dedup.model_dump(mode="json")],
        code=(
            "indicators.py",
            "sampling.py",
            "stages/publish.py",
            "stages/late_duplicates.py",
            "lake/tables.py",
            "lake/releases.py",
        ),
        libraries=("py3langid",),
        pinned=_onto,
    ),
)

STAGES: tuple[str, ...] = tuple(step.name for step in RECIPE)


def step(name: str) -> Step:
    """Return the step of that name.

    Raises
    ------
    UserError
        If there is none.
    """
    for entry in RECIPE:
        if entry.name == name:
            return entry
    raise UserError(f"there is no stage '{name}'; the stages are {', '.join(STAGES)}")


def before(name: str) -> tuple[str, ...]:
    """Return the names of the stages before `name`, in order."""
    return STAGES[: STAGES.index(step(name).name)]


def warm_up(stages: Sequence[str] = STAGES) -> None:
    """Import what workers need for some stages and load compiled kernels and models once, before the daemon forks."""
    import importlib

    import pyarrow as pa

    for module in ("numpy", "pyarrow.parquet", "pyarrow.compute", "pipeline.run"):
        importlib.import_module(module)
    settings = Settings()
    sample = pa.array(["A text to load the kernels with; call 415 555 2671 or write to someone@example.org."])
    columns = {"text": sample, "language": pa.array(["en"]), "source_kind": pa.array(["web"])}
    for name in stages:
        build = step(name).build
        if build is not None:
            stage = build(settings, {})
            if set(stage.reads) <= set(columns):
                stage.apply(pa.RecordBatch.from_pydict({name: columns[name] for name in stage.reads}))
        elif name == "ingest":
            importlib.import_module("pipeline.stages.ingest")
        elif name == "dedup":
            from pipeline.dedup.exact import exact_keys
            from pipeline.dedup.repetition import count, find_passages, mark, with_cuts
            from pipeline.stages.signed import sign, signing_of

            sign(sample, [signing_of(settings.dedup)])
            exact_keys(sample)
            names = pa.array(["0" * 32])
            passages = find_passages(sample, sample, 1)
            counted = count(passages, names)
            with_cuts(mark(passages, passages.ends[-1:], counted), passages, sample, names, counted)
