from __future__ import annotations

import json

import numpy as np
import pytest

from pipeline.quality.calibrate import calibrate, left_out, platt, platt_near, pooled
from pipeline.quality.evaluate import evaluate, measures_of
from pipeline.quality.score import parse, score
from pipeline.quality.train import PRIOR, Labelled, fit, prepare, train
from tests.quality import texts

OPENINGS = ("In the spring of that year ", "As far as anybody knew, ", "It is said that ", "For a long time, ")


def labelled() -> list[Labelled]:
    """Return a small training set: two good origins, one bad, one ham."""
    rows = []
    for i in range(24):
        rows.append((OPENINGS[i % 4] + texts.PROSE[i * 5 :], "good", "stories"))
        rows.append((OPENINGS[i % 4] + texts.DOCUMENTATION[i * 5 :], "good", "manuals"))
        rows.append((texts.FILE_LIST.replace("archive", f"part{i}"), "bad", "lists"))
        rows.append((f"hi, see you at {i} then, ok?", "ham", "notes"))
    return [Labelled(*row) for row in rows]


@pytest.fixture(scope="module")
def model():
    return train(labelled())


def test_a_trained_model_tells_the_sides_apart(model):
    parsed = parse(json.dumps(model))
    good, bad = score(measures_of([texts.LICENCE, texts.NAVIGATION], "en"), parsed)
    assert good > 0.6 > bad
    assert all(weight > 0 for weight in parsed.weights)


def test_the_card_says_what_it_was_made_of_and_how_good_it_is(model):
    figures = model["card"]["figures"]
    assert set(figures["auc_left_out_pairs"]) == {"lists", *model["card"]["corruptions"]}
    assert 0.5 < figures["auc_left_out_worst_pair"] <= figures["auc_left_out_mean"] <= 1
    assert set(figures["kinds"]) == {"web"}
    web = figures["kinds"]["web"]
    assert 0 <= web["calibration_error"] < 0.5
    assert sum(row["weight"] for row in web["reliability"]) == pytest.approx(1, abs=0.01)
    assert "archive" not in json.dumps(model)


def test_the_same_texts_and_seed_give_the_same_model_and_another_seed_does_not(model):
    again = fit(prepare(labelled(), seed=1))
    assert (again.intercept, [weight for weight in again.weights if weight]) == (
        model["intercept"],
        [feature["weight"] for feature in model["features"]],
    )
    assert fit(prepare(labelled(), seed=2)).weights != again.weights


def test_labels_turned_round_give_a_useless_model():
    turned = {"good": "bad", "bad": "good", "ham": "ham"}
    wrong = fit(prepare([row._replace(label=turned[row.label]) for row in labelled()], seed=1))
    rows = [{"text": row.text, "label": row.label} for row in labelled() if row.label != "ham"]
    figures = evaluate(rows, 0.5, model=wrong)
    assert figures.precision.share < 0.7  # penalties cannot be turned into rewards: it keeps everything


def test_a_text_without_a_word_is_left_out():
    rows = labelled()
    table = prepare([*rows, Labelled(" ", "bad", "lists")], seed=1)
    assert len(table["lists"].features) == 2 * sum(row.label == "bad" for row in rows)
    assert np.isfinite(fit(table).intercept)


def test_each_kind_is_calibrated_by_what_its_left_out_origins_show():
    table = prepare([row._replace(kind="social" if row.origin == "notes" else "web") for row in labelled()], seed=1)
    whole = fit(table)
    found = left_out(table, whole)
    assert set(calibrate(table, found)) == {"web"}  # social has no bad text
    values, good, weights, _ = pooled(table, found, "web")
    assert weights[good].sum() == pytest.approx(PRIOR)
    offset, slope = platt(values, good, weights)
    mean = np.average(1 / (1 + np.exp(-(offset + slope * values))), weights=weights)
    assert mean == pytest.approx(PRIOR, abs=0.03)  # calibrated in the large
    # A planted fault: labels that say nothing leave no slope, so no score is far from the share of good texts.
    _, flat = platt(values, np.random.default_rng(1).random(len(values)) < PRIOR, weights)
    assert flat < slope / 2


def test_a_few_verdicts_move_a_calibration_part_of_the_way_and_many_all_of_it():
    known = (0.0, 1.0)
    few, many = (platt_near(np.full(count, 2.0), np.zeros(count, bool), known)[0] for count in (5, 500))
    assert many < few < 0
    assert platt_near(np.full(5, 2.0), np.ones(5, bool), known)[0] > 0
