"""The bias report on real text: a rule that takes one group's or one topic's documents is found and named, harmless batches are not flagged.

The documents are all of the shared quality sets and the Reddit comments, each set a source, as the quality stage decides on them. A draw is
half as many documents, with replacement. The planted rule is there to be found whatever the other rules do; its strength is stated.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from pipeline.bias.counts import MIN_DOCUMENTS, Counts, Documents, count
from pipeline.bias.report import Limits, report
from pipeline.bias.screen import Screened, screen
from pipeline.bias.terms import group_names
from pipeline.bias.topics import topic_names
from pipeline.settings import Settings
from pipeline.stages.bias_documents import outcomes
from pipeline.stages.quality import QualityStage

SOCIAL = ("quality/sms_spam", "social/goemotions_reddit")
SETS = (
    *(f"quality/{name}" for name in ("18f_posts", "digitalgov", "peps", "plos_chunks_train", "se_sherlock", "onestopenglish")),
    *("quality/spamassassin_ham2", "quality/spamassassin_spam2", "quality/machine_junk", *SOCIAL),
)  # fmt: skip
RULE = "quality.fineweb.line_punctuation@1"
OWN = Settings().validation
LIMITS = Limits(OWN.min_retention_ratio, OWN.bias_error_rate, OWN.min_topic_ratio)
Having = Callable[[Documents], tuple[tuple[str, ...], np.ndarray]]
NOTHING = Counts((), (), (), np.zeros((0, 0, 0), np.int64))


@pytest.fixture(scope="module")
def documents(shared: Path) -> Documents:
    texts: list[str] = []
    sources: list[str] = []
    for name in SETS:
        with gzip.open(shared / "data" / name / "data.jsonl.gz", "rt", encoding="utf-8") as lines:
            own = [json.loads(line)["text"] for line in lines]
        texts += own
        sources += [name] * len(own)
    return judged(texts, sources)


def judged(texts: list[str], sources: list[str]) -> Documents:
    """Return the documents with the quality stage's own decisions on them."""
    settings = Settings()
    stage = QualityStage(threshold=settings.cleaning.quality_threshold, hard_rules=settings.quality.hard_rules)
    language = pa.array(["en"] * len(texts))
    kinds = pa.array(["social" if name in SOCIAL else "web" for name in sources])
    columns = {"text": pa.array(texts), "language": language, "source_kind": kinds}
    verdict = stage.apply(pa.RecordBatch.from_pydict({name: columns[name] for name in stage.reads})).column("verdict")
    return Documents(
        pa.array(sources),
        language,
        pa.nulls(len(texts), pa.string()),
        np.array([len(text) for text in texts]),
        screen(columns["text"], language),
        outcomes({"quality": verdict}, len(texts)),
    )


def drawn(given: Documents, rng: np.random.Generator) -> Documents:
    rows = rng.integers(0, len(given.source), len(given.source) // 2)
    take = pa.array(rows)
    return Documents(
        given.source.take(take),
        given.language.take(take),
        given.region.take(take),
        given.characters[rows],
        Screened(*(part[rows] for part in given.screened)),
        {name: holds[rows] for name, holds in given.outcomes.items()},
    )


def with_rule(given: Documents, hit: np.ndarray) -> Documents:
    """Return the documents with one more rule, which takes some."""
    added = {name: given.outcomes[name] | hit for name in ("lost:quality", "lost:*")}
    return given._replace(outcomes={**given.outcomes, **added, f"rule:{RULE}": hit})


def disparate(given: Documents) -> list[dict]:
    return report(count(given, fine=True), NOTHING, LIMITS)["disparate"]


def by_group(given: Documents) -> tuple[tuple[str, ...], np.ndarray]:
    """Return the groups, and which documents mention each."""
    return group_names(), given.screened.flags > 0


def by_topic(given: Documents) -> tuple[tuple[str, ...], np.ndarray]:
    """Return the topics, and which documents are about each."""
    numbers = np.arange(1, len(topic_names()))
    return topic_names()[1:], given.screened.topic[:, None] == numbers


def found(given: Documents, draws: Sequence[int], strength: float, having: Having = by_group) -> list[tuple[str, int]]:
    """Return the groups or topics whose planted rule was not flagged with value and rule named, one a draw."""
    missed = []
    for seed in draws:
        rng = np.random.default_rng(seed)
        batch = drawn(given, rng)
        names, has = having(batch)
        enough = np.flatnonzero(has.sum(axis=0) >= MIN_DOCUMENTS)
        value = int(rng.choice(enough))
        hit = has[:, value] & (rng.random(len(batch.source)) < strength)
        flags = {(row["value"], row["responsible"]) for row in disparate(with_rule(batch, hit))}
        if (names[value], RULE) not in flags:
            missed.append((names[value], int(has[:, value].sum())))
    return missed


def flagged(given: Documents, draws: Sequence[int], *, careless: bool) -> int:
    """Return how many harmless draws are flagged; with a rule that takes documents by chance, where `careless`."""
    flags = 0
    for seed in draws:
        rng = np.random.default_rng(1000 + seed)
        batch = drawn(given, rng)
        if careless:
            batch = with_rule(batch, rng.random(len(batch.source)) < rng.choice([0.02, 0.1, 0.4]))
        flags += bool(disparate(batch))
    return flags


def test_a_planted_rule_is_found_and_harmless_draws_are_not_flagged(documents: Documents) -> None:
    assert found(documents, range(3), 1.0) == []
    assert found(documents, range(3), 1.0, by_topic) == []
    assert flagged(documents, range(2), careless=False) == 0


@pytest.mark.slow
@pytest.mark.parametrize("strength", [1.0, 0.7, 0.5, 0.3])  # [20 of 20 each; of 0.2, at the limit itself, 13 of 20]
def test_a_planted_rule_is_found_in_each_of_twenty_draws(documents: Documents, strength: float) -> None:
    assert found(documents, range(20), strength) == []


@pytest.mark.slow
@pytest.mark.parametrize("strength", [1.0, 0.7])  # [20 of 20 each]
def test_a_planted_rule_on_a_topic_is_found_in_each_of_twenty_draws(documents: Documents, strength: float) -> None:
    assert found(documents, range(20), strength, by_topic) == []


def test_a_mixed_source_keeps_topics_unequally_by_nature(documents: Documents) -> None:
    """In one source of good and bad pages, as a crawl is, texts about money are kept less than four fifths as often: that is where spam is."""
    kinds = pa.array(["social" if name in SOCIAL else "web" for name in documents.source.to_pylist()])
    found = report(count(documents._replace(source=kinds), fine=True), NOTHING, LIMITS)
    rows = {row["value"]: row["ratio"] for row in found["rows"] if row["axis"] == "topic" and row["ratio"]}
    assert LIMITS.min_topic_ratio + 0.2 < min(rows.values()) < LIMITS.min_ratio  # [economy 0.78]
    assert found["disparate"] == []


@pytest.mark.slow
@pytest.mark.parametrize("careless", [False, True])  # [0 of 50 each]
def test_at_most_one_of_fifty_harmless_draws_is_flagged(documents: Documents, careless: bool) -> None:
    assert flagged(documents, range(50), careless=careless) <= 1


def test_a_source_of_bad_quality_would_have_passed_for_bias(documents: Documents) -> None:
    """Mentions of Christians stand in e-mail spam: as they stand they are kept a third less often, in their sources like the others."""
    rows = {row["value"]: row for row in report(count(documents, fine=True), NOTHING, LIMITS)["rows"]}
    row = rows["religion:christian"]
    assert row["crude_ratio"] < 0.8  # [0.68]
    assert row["ratio"] > 0.9  # [1.00]


def test_our_lists_beside_holisticbias(shared: Path) -> None:
    """How many of HolisticBias's descriptors, each in a sentence, our lists see as some group, by axis."""
    given = json.loads((shared / "data/bias/holisticbias_terms/descriptors.json").read_text(encoding="utf-8"))
    shares = {}
    for axis, buckets in given.items():
        terms = [entry["descriptor"] if isinstance(entry, dict) else entry for own in buckets.values() for entry in own]
        flags = screen(pa.array([f"I know a {term} person." for term in terms]), pa.array(["en"] * len(terms))).flags
        shares[axis] = float((flags > 0).any(axis=1).mean())
    least = {
        "ability": 0.5,
        "nationality": 0.9,
        "political_ideologies": 0.5,
        "race_ethnicity": 0.8,
        "religion": 0.65,
        "sexual_orientation": 0.65,
        # Looks, ages in years and habits are left out on purpose: "slim", "40-year-old" and "married" say little of a group.
        "age": 0.14,
        "body_type": 0.05,
    }
    assert {axis: shares[axis] for axis, share in least.items() if shares[axis] < share} == {}
    assert shares["nonce"] == 0
