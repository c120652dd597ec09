from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from pipeline.bias.screen import screen
from pipeline.bias.terms import MAX_WORDS, key_of, term_lists
from pipeline.bias.topics import NONE, main_topics, topic_lists, topic_names


def topics(texts: list[str], language: str = "en") -> list[str]:
    found = screen(pa.array(texts, pa.string()), pa.array([language] * len(texts))).topic
    return [topic_names()[number].removeprefix("topic:") for number in found]


@pytest.mark.parametrize(
    ("language", "text", "topic"),
    [
        ("en", "The patients of the hospital were vaccinated.", "health"),
        ("en", "THE PATIENTS OF THE HOSPITAL WERE VACCINATED.", "health"),
        ("en", "Fossil fuels and climate change", "environment"),
        ("en", "The striker scored in the world cup.", "sport"),
        ("de", "Die \u00c4rzte im Krankenhaus und ihre Patientinnen und Patienten", "health"),
        ("fr", "Le parlement a vot\u00e9 ; le gouvernement et le premier ministre", "politics"),
        ("es", "El \u00e1rbitro y los jugadores del partido de f\u00fatbol", "sport"),
        # One hit is no topic, a term that comes back is; two topics alike are none.
        ("en", "A hospital.", "none"),
        ("en", "A hospital is a hospital.", "health"),
        ("en", "The hospital and the doctor, the parliament and the minister", "none"),
        ("en", "Somebody was there and saw what it was about.", "none"),
        ("en", "", "none"),
    ],
)
def test_the_main_topic_stands_out(language: str, text: str, topic: str) -> None:
    assert topics([text], language) == [topic]


def test_without_a_list_for_the_language_no_topic_is_known() -> None:
    assert not screen(pa.array(["hospital hospital"]), pa.array(["fi"])).assessed[0]


def test_a_topic_needs_a_third_of_all_hits() -> None:
    hits = np.zeros((3, len(topic_names())), np.uint16)
    hits[0, [1, 2, 3, 4]] = [3, 2, 2, 2]
    hits[1, [1, 2, 3, 4, 5]] = [3, 2, 2, 2, 2]
    hits[2, 1] = 1
    assert [topic_names()[number] for number in main_topics(hits)] == [topic_names()[1], NONE, NONE]


def test_the_languages_of_identity_terms_have_topics_too() -> None:
    assert set(topic_lists()) == set(term_lists())


@pytest.mark.parametrize("language", sorted(topic_lists()))
def test_every_form_is_found_and_belongs_to_one_topic(language: str) -> None:
    lists = topic_lists()[language]
    assert set(lists.values()) == set(range(1, len(topic_names())))
    owners: dict[tuple[str, ...], int] = {}
    for term, topic in lists.items():
        key = key_of(term)
        assert len(key[::2]) <= MAX_WORDS, term
        assert owners.setdefault(key, topic) == topic, term
    assert topics([f"({term}) ({term})" for term in lists if len(key_of(term)) == 1], language) == [
        topic_names()[topic].removeprefix("topic:") for term, topic in lists.items() if len(key_of(term)) == 1
    ]
