from __future__ import annotations

import json

import numpy as np
import pytest

from pipeline.quality.evaluate import evaluate, measures_of
from pipeline.quality.score import parse, score
from pipeline.quality.train import fit, prepare, train
from tests.quality import texts

OPENINGS = ("In the spring of that year ", "As far as anybody knew, ", "It is said that ", "For a long time, ")


def labelled() -> tuple[list[str], list[str], list[str]]:
    """Return a small training set: two good origins, one bad, one ham."""
    rows = []
    for i in range(24):
        rows.append((OPENINGS[i % 4] + texts.PROSE[i * 5 :], "good", "stories"))
        rows.append((OPENINGS[i % 4] + texts.DOCUMENTATION[i * 5 :], "good", "manuals"))
        rows.append((texts.FILE_LIST.replace("archive", f"part{i}"), "bad", "lists"))
        rows.append((f"hi, see you at {i} then, ok?", "ham", "notes"))
    return tuple(map(list, zip(*rows, strict=True)))


@pytest.fixture(scope="module")
def model():
    return train(*labelled())


def test_a_trained_model_tells_the_sides_apart(model):
    parsed = parse(json.dumps(model))
    good, bad = score(measures_of([texts.LICENCE, texts.NAVIGATION], "en"), parsed)
    assert good > 0.6 > bad
    assert all(weight > 0 for weight in parsed.weights)


def test_the_card_says_what_it_was_made_of_and_how_good_it_is(model):
    figures = model["card"]["figures"]
    assert set(figures["auc_left_out_pairs"]) == {"lists", *model["card"]["corruptions"]}
    assert 0.5 < figures["auc_left_out_worst_pair"] <= figures["auc_left_out_mean"] <= 1
    assert 0 <= figures["calibration_error_left_out"] < 0.5
    assert "archive" not in json.dumps(model)


def test_the_same_texts_and_seed_give_the_same_model_and_another_seed_does_not(model):
    again = fit(prepare(*labelled(), seed=1))
    assert (again.intercept, [weight for weight in again.weights if weight]) == (
        model["intercept"],
        [feature["weight"] for feature in model["features"]],
    )
    assert fit(prepare(*labelled(), seed=2)).weights != again.weights


def test_labels_turned_round_give_a_useless_model():
    rows, labels, origins = labelled()
    turned = [{"good": "bad", "bad": "good", "ham": "ham"}[label] for label in labels]
    wrong = fit(prepare(rows, turned, origins, seed=1))
    figures = evaluate(
        [{"text": t, "label": lab} for t, lab in zip(rows, labels, strict=True) if lab != "ham"], 0.5, model=wrong
    )
    assert figures.auc < 0.9


def test_a_text_without_a_word_is_left_out():
    rows, labels, origins = labelled()
    table = prepare([*rows, " "], [*labels, "bad"], [*origins, "lists"], seed=1)
    assert len(table["lists"].features) == 2 * labels.count("bad")
    assert np.isfinite(fit(table).intercept)
