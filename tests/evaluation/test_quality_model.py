"""What the packaged quality model does on real text. Limits stand a little beyond what was measured (in brackets)."""

from __future__ import annotations

import gzip
import json
import sysconfig
from importlib.metadata import distributions
from pathlib import Path

import numpy as np
import pytest

from pipeline.quality.calibrate import calibrate, left_out
from pipeline.quality.evaluate import evaluate, measures_of
from pipeline.quality.score import contributions, packaged, score, source_of
from pipeline.quality.train import POSTS, fit, prepare, read_origins


def rows(folder: Path, name: str) -> list[dict[str, str]]:
    with gzip.open(folder / name / "data.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def scores(texts: list[str], language: str | None = "en", kind: str = "web") -> np.ndarray:
    return score(measures_of(texts, language), kinds=[kind] * len(texts))


def test_the_packaged_model_is_what_the_recipe_makes(shared):
    table = prepare(read_origins(shared / "data"), seed=1)
    model = fit(table)
    for kind, offset, slope in packaged().calibration:
        assert calibrate(table, left_out(table, model))[kind] == pytest.approx((offset, slope), abs=0.05)
    made = {feature.name: weight for feature, weight in zip(model.features, model.weights, strict=True) if weight}
    kept = {feature.name: weight for feature, weight in zip(packaged().features, packaged().weights, strict=True)}
    assert model.intercept == pytest.approx(packaged().intercept, abs=0.01)
    assert made == pytest.approx(kept, abs=0.02)


@pytest.mark.parametrize(
    ("name", "least_kept"),
    [
        ("18f_posts", 0.97),  # [1.00]
        ("digitalgov", 0.95),  # [0.98]
        ("peps", 0.90),  # [0.94]
        ("plos_chunks_train", 0.94),  # [0.97]
        ("se_sherlock", 0.98),  # [1.00]
        ("onestopenglish", 0.98),  # [1.00]
    ],
)
def test_good_text_is_kept(shared, name, least_kept):
    assert (scores([row["text"] for row in rows(shared / "data" / "quality", name)]) >= 0.8).mean() >= least_kept


def test_machine_junk_is_not_and_well_written_spam_mostly_is(shared):
    folder = shared / "data" / "quality"
    junk = scores([row["text"] for row in rows(folder, "machine_junk")], kind="licensed")
    assert (junk >= 0.8).mean() <= 0.15
    assert (junk < 0.5).mean() >= 0.75
    # Well-written spam passes: this is a known limit, recorded so that a change of it is noticed.
    spam = scores([row["text"] for row in rows(folder, "spamassassin_spam2")])
    assert 0.15 <= (spam >= 0.8).mean() <= 0.40  # [0.28]


def test_figures_on_all_labelled_text(shared):
    folder = shared / "data" / "quality"
    names = ("18f_posts", "digitalgov", "peps", "plos_chunks_train", "machine_junk", "spamassassin_spam2", "sms_spam")
    labelled = [row for name in names for row in rows(folder, name) if row["label"] in {"good", "bad"}]
    figures = evaluate(labelled, threshold=0.8)
    assert figures.auc >= 0.95  # [0.964]
    assert figures.recall.lower >= 0.95  # [0.959]
    assert figures.precision.lower >= 0.79  # [0.817]: half of these texts are bad, and well-written spam passes


def test_short_posts_that_the_model_never_saw_are_kept(shared):
    posts = scores(
        [row["text"] for row in rows(shared / "data" / "social", "goemotions_reddit")][POSTS:6000], kind="social"
    )
    assert (posts >= 0.8).mean() >= 0.90  # [0.93]
    assert (posts < 0.5).mean() <= 0.03  # [0.02]


def test_other_languages_are_not_punished(shared):
    declarations = [row["text"] for row in rows(shared / "data" / "language", "udhr2")]
    assert (scores(declarations, "und") >= 0.8).mean() >= 0.97  # [0.99]


def test_licences_and_documentation_of_installed_packages():
    # Needs no data set: licences were in no training set.
    files = sorted(Path(sysconfig.get_path("purelib")).glob("*.dist-info/**/LICENSE*"))
    licences = {file.read_text(encoding="utf-8", errors="replace") for file in files if file.is_file()}
    assert len(licences) > 30
    assert (scores(sorted(licences)) >= 0.8).mean() >= 0.88  # [0.93]
    pages = sorted({str(entry.metadata.get_payload()) for entry in distributions()} - {"", "None"})
    assert (scores(pages) >= 0.8).mean() >= 0.45  # [0.48]: badges, tables and code weigh on a front page


KIND_OF = {"18f_posts": "web", "digitalgov": "web", "plos_chunks_train": "licensed", "se_sherlock": "licensed"}
DISTURBANCES = {
    # name: what is done to a text, and the largest fall of the share that is kept [measured].
    "first half": (lambda text: text[: len(text) // 2], 0.03),  # [0.00]
    "first 300 characters": (lambda text: text[:300], 0.08),  # [0.04]
    "HTML remains": (lambda text: "<p>" + text.replace("\n\n", "</p>\n<p>") + "</p>&nbsp;<br/>", 0.03),  # [0.00]
    "upper case": (str.upper, 0.16),  # [0.13 at most: digitalgov, plos_chunks_train]
}


@pytest.mark.parametrize("name", DISTURBANCES)
def test_the_score_is_stable(shared, name):
    disturb, largest_fall = DISTURBANCES[name]
    for source, kind in KIND_OF.items():
        texts = [row["text"] for row in rows(shared / "data" / "quality", source)]
        before, after = (scores(own, kind=kind) for own in (texts, [disturb(text) for text in texts]))
        assert (before >= 0.8).mean() - (after >= 0.8).mean() <= largest_fall, source
        assert before.mean() - after.mean() <= 0.13, source  # [0.11 at most, in upper case]


@pytest.mark.parametrize(
    ("name", "label", "kind", "most_kept"),
    [
        ("spamassassin_spam2", "bad", "web", 0.05),  # [0.040; 0.275 as it stands]
        ("sms_spam", "bad", "social", 0.01),  # [0.001; 0.104]
        ("machine_junk", "bad", "licensed", 0.05),  # [0.031; 0.076]
    ],
)
def test_junk_in_capitals_is_rejected(shared, name, label, kind, most_kept):
    texts = [row["text"].upper() for row in rows(shared / "data" / "quality", name) if row["label"] == label]
    assert (scores(texts, kind=kind) >= 0.8).mean() <= most_kept


def test_contributions_add_up_for_every_document(shared):
    for name, kind in KIND_OF.items():
        measures = measures_of([row["text"] for row in rows(shared / "data" / "quality", name)], "en")
        kinds = [kind] * len(measures)
        found = score(measures, kinds=kinds)
        total = sum(contributions(measures, kinds=kinds).values())
        np.testing.assert_allclose(total, np.log(found / (1 - found)), atol=1e-6)


def test_left_out_origins_are_told_apart_better_than_by_stop_words_alone():
    for kind, least, largest_error in (("web", 0.85, 0.06), ("licensed", 0.93, 0.06), ("social", 0.86, 0.06)):
        found = json.loads(source_of())["card"]["figures"]["kinds"][kind]
        assert found["auc"] >= least  # [0.883, 0.951, 0.885]
        assert found["auc"] > found["auc_of_stop_word_share"] + 0.03
        assert found["calibration_error"] <= largest_error  # [0.035, 0.043, 0.028]
        assert found["precision_at_0.8"] >= 0.9
