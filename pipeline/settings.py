"""Settings: frozen models with a working default for every field, so the shortest configuration is the one that names the sources.

`pipeline.config` reads them from a file. Unknown keys are errors that name the nearest known one. No secret belongs here: credentials come
from the environment or an Airflow connection.
"""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any, Literal, get_args

from pydantic import Field, ValidationInfo, field_validator, model_validator

from pipeline.mistakes import hint, printable
from pipeline.source import KNOWN_SOURCES, Model, Name, Share, Source, SourceKind
from pipeline.text.shingling import Shingling, WordRule


class Ingestion(Model):
    """What comes in."""

    sources: Annotated[tuple[Source, ...], Field(min_length=1)] = tuple(
        Source(name=name, kind=kind) for name, kind in KNOWN_SOURCES.items()
    )
    deduplication: bool = True
    language_detection: bool = True
    max_failed_share: Share = 0.05
    """A source with more failed records than this is flagged."""
    shard_documents: Annotated[int, Field(ge=1)] = 5_000
    shard_characters: Annotated[int, Field(ge=1_000)] = 64_000_000

    @field_validator("sources", mode="before")
    @classmethod
    def _plain_names(cls, value: Any) -> Any:
        """Let a plain name stand for a known source."""
        if not isinstance(value, list | tuple):
            return value
        sources = []
        for entry in value:
            if isinstance(entry, str):
                if entry not in KNOWN_SOURCES:
                    raise ValueError(
                        f"unknown source '{printable(entry)}', {hint(entry, KNOWN_SOURCES)}; "
                        "any other source is a mapping with name, kind and paths"
                    )
                sources.append({"name": entry, "kind": KNOWN_SOURCES[entry]})
            else:
                sources.append(entry)
        return sources

    @model_validator(mode="after")
    def _unique_names(self) -> Ingestion:
        names = [source.name for source in self.sources]
        doubled = sorted({name for name in names if names.count(name) > 1})
        if doubled:
            raise ValueError(f"source '{doubled[0]}' is listed twice")
        return self


class Cleaning(Model):
    """What is taken out."""

    remove_pii: bool = True
    filter_low_quality: bool = True
    quality_threshold: Share = 0.8


class BenchmarkSlice(Model):
    """One slice of benchmark items."""

    name: Name
    weight: Share
    files: tuple[str, ...] = ()
    """JSONL files with a `text` (or `question`) field; empty: the small built-in set of that name."""


class Validation(Model):
    """What the batch is measured on."""

    benchmark_slices: tuple[BenchmarkSlice, ...] = (
        BenchmarkSlice(name="reasoning", weight=0.3),
        BenchmarkSlice(name="factuality", weight=0.3),
        BenchmarkSlice(name="safety", weight=0.4),
    )
    continuous_monitoring: bool = True
    """Compare each batch's slice figures and shares with the history."""
    contamination_shingle_size: Annotated[int, Field(ge=3, le=50)] = 13
    max_regression: Share = 0.05
    """A slice that falls by more than this against the last release is flagged."""
    min_retention_ratio: Annotated[float, Field(gt=0, lt=1)] = 0.8
    """A group, dialect, region or language whose documents are kept less often than this times comparable ones is flagged. The four-fifths
    rule of the Uniform Guidelines on Employee Selection Procedures (29 CFR 1607.4 D)."""
    min_topic_ratio: Annotated[float, Field(gt=0, lt=1)] = 0.5
    """As `min_retention_ratio`, for a topic: topics differ in quality by nature, so only one that loses most of its documents is flagged."""
    bias_error_rate: Annotated[float, Field(gt=0, le=0.2)] = 0.01
    """Share of such flags that may be chance, over all comparisons of a batch."""

    @model_validator(mode="after")
    def _weights(self) -> Validation:
        total = sum(entry.weight for entry in self.benchmark_slices)
        if self.benchmark_slices and abs(total - 1) > 1e-9:
            raise ValueError(f"the weights of benchmark_slices must sum to 1, not {total:g}")
        names = [entry.name for entry in self.benchmark_slices]
        if len(set(names)) < len(names):
            raise ValueError("two benchmark_slices have the same name")
        return self


class Repetition(Model):
    """Lines and paragraphs that many documents of one source have in common: menus, notices, licence headers."""

    policy: Literal["ignore", "count", "cut"] = "count"
    """`count` says how much of each document is repeated; `cut` also takes it out of all documents but one."""
    documents: Annotated[int, Field(ge=2)] = 20
    """A passage that stands in so many documents of a batch, of one source, is repeated."""
    characters: Annotated[int, Field(ge=1)] = 20
    """A passage with fewer characters, white space not counted, is none: a brace, a heading that many documents have."""


class Dedup(Model):
    """Near-duplicates."""

    threshold: Annotated[float, Field(gt=0, le=1)] = 0.8
    """Exact Jaccard similarity from which two documents are one."""
    recall: Annotated[float, Field(gt=0, lt=1)] = 0.99
    """Share of the pairs at the threshold that the bands must nominate; bands and rows are derived from it."""
    containment: Annotated[float, Field(gt=0, le=1)] | None = None
    """Share of a document's shingles from which a preferred one holds it whole, so that it goes, whatever else that one holds. Only
    pairs that the bands nominate are looked at. Not given: only similarity counts."""
    shingle_size: Annotated[int, Field(ge=1, le=32)] = 5
    words: WordRule = "unicode"
    """What a word is: `unicode`, each character of a script without spaces is one; `plain`, whatever ``\\w+`` matches, as text-dedup has it."""
    seed: Annotated[int, Field(ge=0)] = 1
    max_bucket: Annotated[int, Field(ge=2)] = 1_000
    """Documents of one bucket that are compared pairwise; beyond it each is compared with the first ones only, and counted."""
    max_removed_share: Share = 0.9
    """A source that loses more than this to deduplication is flagged."""
    repetition: Repetition = Repetition()

    @property
    def shingling(self) -> Shingling:
        """How shingles are made."""
        return Shingling(self.shingle_size, self.words)


class MixedLanguages(Model):
    """Documents in more than one language."""

    policy: Literal["keep", "flag", "reject"] = "keep"
    """What happens to a document of which its language has a smaller share than `min_share`; `flag` holds the release for a curator."""
    min_share: Share = 0.5
    """Share of the document's language, by segments; measured for doubtful documents only."""


MOST_EXPECTED = 0.99
"""What the expected shares of languages may come to."""


class Language(Model):
    """Language detection."""

    wanted: tuple[str, ...] = ()
    """BCP 47 codes to keep; empty: every language."""
    min_score: Share = 0.5
    """Calibrated probability that a language must reach; under it the language is undetermined, and the document is rejected."""
    min_scores: dict[str, dict[str, Share]] = Field(default_factory=dict)
    """Other thresholds, by source kind and then by language; `"*"` stands for every kind, or every language. The nearest counts: kind
    and language, language, kind, `min_score`."""
    expected: dict[str, dict[str, Share]] = Field(default_factory=lambda: {"social": {"en": 0.1}})
    """By source kind, the share of the documents that are expected in a language before they are read; the other languages share the
    rest alike. A third of the posts on Twitter were English in 2013 (Semiocast); less is expected here, so that the posts of small
    languages are not taken for English."""
    window_characters: Annotated[int, Field(ge=50)] = 250
    """Length of the window from the text's middle that is read first."""
    mixed: MixedLanguages = MixedLanguages()

    @field_validator("min_scores", "expected")
    @classmethod
    def _kinds(cls, value: dict[str, dict[str, float]], info: ValidationInfo) -> dict[str, dict[str, float]]:
        known = get_args(SourceKind) if info.field_name == "expected" else ("*", *get_args(SourceKind))
        for kind in value:
            if kind not in known:
                raise ValueError(f"unknown source kind '{printable(kind)}', {hint(kind, known)}")
        return value

    @field_validator("expected")
    @classmethod
    def _shares(cls, value: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
        for kind, shares in value.items():
            if sum(shares.values()) > MOST_EXPECTED or min(shares.values(), default=1) <= 0:
                raise ValueError(
                    f"the shares of '{kind}' must be above 0 and at most {MOST_EXPECTED} together: any other language has to stay possible"
                )
        return value


class Pii(Model):
    """Personal data."""

    entities: Annotated[tuple[str, ...], Field(min_length=1)] = (
        "EMAIL_ADDRESS",
        "PHONE_NUMBER",
        "CREDIT_CARD",
        "IBAN_CODE",
        "US_SSN",
        "IP_ADDRESS",
        "CRYPTO",
        "URL_CREDENTIALS",
        "SECRET",
        "NATIONAL_ID",
    )
    phone_regions: tuple[str, ...] = ("US", "GB", "DE", "FR", "ES", "IN", "BR")
    id_countries: tuple[str, ...] = ("US", "GB", "DE", "FR", "IN", "BR")
    """Countries whose identity, tax and social security numbers `NATIONAL_ID` looks for."""
    min_score: Share = 0.4
    thresholds: dict[str, Share] = Field(default_factory=dict)
    """Entity -> score from which its hits count, instead of `min_score`."""
    context: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Entity -> words in small letters that lift the score of a hit they stand before, beside the recogniser's own."""
    names: bool = False
    """Look for names of persons and places as well, in the languages that the model knows."""
    uncovered_language: Literal["mark", "reject"] = "mark"
    """With `names`: a document in another language gets the other entities and a mark, or is rejected."""
    replacement: Literal["placeholder", "pseudonym", "cut"] = "placeholder"
    """What stands where personal data stood: its type, its type and a keyed token of the value, or nothing."""
    key_epoch: Annotated[int, Field(ge=0)] = 0
    """Which key of the secret store makes pseudonyms; a batch keeps the one that it was opened with."""

    @property
    def looked_for(self) -> tuple[str, ...]:
        """All types of personal data that are looked for."""
        return (*self.entities, "PERSON", "LOCATION") if self.names else self.entities


class Quality(Model):
    """Quality rules: presets (gopher, gopher_datatrove, fineweb, c4) and single rules by their names in `pipeline/reasons.py`."""

    hard_rules: tuple[str, ...] = ("gopher",)
    """Rules that reject whatever the score."""
    soft_rules: tuple[str, ...] = ()
    """Rules that are recorded where they speak against a document, and reject nothing."""
    limits: dict[str, float] = Field(default_factory=dict)
    """Limits of one's own in place of the published ones, by the rule's name."""
    model: str | None = None
    """File of a model that `sluice quality train` made; default: the packaged one."""
    max_removed_share: Share = 0.9
    """A source that loses more than this to quality is flagged."""

    @field_validator("hard_rules", "soft_rules", "limits")
    @classmethod
    def _known(cls, value: Any) -> Any:
        from pipeline.reasons import quality_rules

        presets = ("gopher", "gopher_datatrove", "fineweb", "c4")
        for name in value:
            if name not in quality_rules() and (isinstance(value, dict) or name not in presets):
                expected = "" if isinstance(value, dict) else f"one of {', '.join(map(repr, presets))} or "
                raise ValueError(f"expected {expected}the name of a quality rule in pipeline/reasons.py, not '{name}'")
        return value


class History(Model):
    """Expectations against earlier batches."""

    warm_up_batches: Annotated[int, Field(ge=1)] = 3
    """Until this many released batches exist, expectations against history report and do not flag."""
    max_share_change: Share = 0.3
    """Change of a source's records (relative to their median), or of a language's share in it, that is flagged."""
    max_failed_rise: Share = 0.02
    """Rise of a source's failed share over its median that is flagged."""
    max_no_text_rise: Share = 0.1
    """Rise of a source's share of records without text over its median that is flagged."""


class Publish(Model):
    """The release and its indicators."""

    min_quality: Share = 0.95
    max_duplicate_rate: Share = 0.01
    sample_size: Annotated[int, Field(ge=1)] = 1_000
    """Documents drawn for the quality and duplicate indicators (all, where there are fewer)."""
    audit_documents: Annotated[int, Field(ge=0)] = 50_000
    """The duplicate audit streams the whole corpus while it holds at most so many documents; beyond it the batch alone, and the
    figure `duplicate_scope` says so. The cost of a night must follow the batch, not the corpus."""


class Review(Model):
    """The curator's part."""

    database: str | None = None
    """SQLAlchemy URL of the review cases; default: SQLite in the lake."""
    timeout_hours: Annotated[float, Field(gt=0)] = 72
    """No answer in time is a rejection."""


class Retention(Model):
    """What `sluice gc` may remove, and when. Null: never. Published documents and columns without text are never removed."""

    raw_text_days: Annotated[float, Field(ge=0)] | None = 90
    """Text before redaction, and the bytes of unreadable records, of batches that were closed so many days ago."""
    text_days: Annotated[float, Field(ge=0)] | None = 30
    """Redacted text between the stages, of batches that were closed so many days ago; published text is in the release."""
    superseded_days: Annotated[float, Field(ge=0)] | None = 14
    """Results of stages that a later run of their batch replaced so many days ago."""
    orphan_hours: Annotated[float, Field(ge=0)] | None = 48
    """Files that nothing names, and candidates for a release that was not made. Longer than the longest run of a stage."""


class Lake(Model):
    """Where everything lies."""

    root: str = "lake"
    """Folder or fsspec URI; relative ones start at the configuration's folder."""
    raw_root: str | None = None
    """Text before redaction; default: `raw/` under the root."""
    catalog: str | None = None
    """SQLAlchemy URL of the Iceberg catalogue; default: SQLite in the lake."""


class Engine(Model):
    """Where it runs."""

    master: str = "local[*]"
    """Spark master, `sc://host:port` for Spark Connect, or `inline` for no Spark at all (one process, for small batches and a
    debugger). SLUICE_SPARK_MASTER and the Airflow connection go first."""
    batch_rows: Annotated[int, Field(ge=1)] = 1_000
    """Documents that a stage sees at once."""


class Settings(Model):
    """Everything that a run is told: the value of `data_pipeline` in the YAML file."""

    ingestion: Ingestion = Ingestion()
    cleaning: Cleaning = Cleaning()
    validation: Validation = Validation()
    dedup: Dedup = Dedup()
    language: Language = Language()
    pii: Pii = Pii()
    quality: Quality = Quality()
    history: History = History()
    publish: Publish = Publish()
    review: Review = Review()
    retention: Retention = Retention()
    lake: Lake = Lake()
    engine: Engine = Engine()
    expectations: str | None = None
    """Folder of the suites; default: `expectations/` of the project."""

    def digest(self, *sections: str) -> str:
        """Return a digest of the named sections (all but where things lie and run and how long they stay, if none is named)."""
        data = self.model_dump(mode="json", include=set(sections) or None)
        if not sections:
            for place in ("lake", "engine", "review", "retention"):
                data.pop(place)
            for source in data["ingestion"]["sources"]:
                del source["paths"]
        return hashlib.sha256(json.dumps(data, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


class ConfigFile(Model):
    """The file's one root."""

    data_pipeline: Settings
