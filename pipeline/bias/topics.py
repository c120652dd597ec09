"""What a text is mainly about: the packaged lists of topics, and the rule by which their terms decide.

The topics are those of the top level of IPTC Media Topics, a published scheme of the news trade (NewsCodes, CC BY 4.0), but one: *human interest*
is a way of telling, which no list of words can see. A list belongs to one language and names terms that speak of one topic. Every term is
also found with each of the list's endings (``hospital``, ``hospitals``); a form that two topics would have in this way is nobody's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

import numpy as np
import numpy.typing as npt

from pipeline.fingerprint import digest

TOPIC = "topic"
NONE = f"{TOPIC}:none"
"""No topic stands out, in a text whose language has a list."""
TOPICS: Mapping[str, str] = {
    "arts_culture": "medtop:01000000 arts, culture, entertainment and media",
    "crime_law": "medtop:02000000 crime, law and justice",
    "disaster": "medtop:03000000 disaster, accident and emergency incident",
    "economy": "medtop:04000000 economy, business and finance",
    "education": "medtop:05000000 education",
    "environment": "medtop:06000000 environment",
    "health": "medtop:07000000 health",
    "labour": "medtop:09000000 labour",
    "lifestyle": "medtop:10000000 lifestyle and leisure",
    "politics": "medtop:11000000 politics and government",
    "religion": "medtop:12000000 religion",
    "science_technology": "medtop:13000000 science and technology",
    "society": "medtop:14000000 society",
    "sport": "medtop:15000000 sport",
    "conflict": "medtop:16000000 conflict, war and peace",
    "weather": "medtop:17000000 weather",
}
"""Our names of the topics, with IPTC's codes and names."""
NO_TOPIC = -1
MAX_HITS = 2
"""Times that a term counts in one text: a subject comes back, but one word is no topic."""
MIN_HITS = 2
MIN_SHARE = 0.3
"""Hits of a text's main topic, and their share of the hits of all topics, from which it stands out."""


@cache
def topic_names() -> tuple[str, ...]:
    """Return every value of a document's topic, as ``topic:name``; `NONE` first. Their order numbers what `main_topics` returns."""
    return (NONE, *(f"{TOPIC}:{name}" for name in TOPICS))


@cache
def topic_lists() -> Mapping[str, Mapping[str, int]]:
    """Return by language every term, in all its forms, with the number of its topic in `topic_names`."""
    found: dict[str, dict[str, int]] = {}
    for file in sorted(files("pipeline.bias").iterdir(), key=lambda entry: entry.name):
        if file.name.startswith("topics_") and file.name.endswith(".json"):
            data = json.loads(file.read_text(encoding="utf-8"))
            found[data["language"]] = _forms(data["topics"], data["endings"])
    return found


def digests() -> dict[str, str]:
    """Return a digest of each list, by name."""
    return {f"topics/{language}": digest(sorted(terms.items())) for language, terms in topic_lists().items()}


def main_topics(hits: npt.NDArray[np.uint16]) -> npt.NDArray[np.int8]:
    """Return the topic that stands out in each text, by its number in `topic_names`; 0 where none does, or two do alike.

    Parameters
    ----------
    hits
        How often terms of each topic were found, each at most `MAX_HITS` times; shape ``(texts, len(topic_names()))``.
    """
    if not len(hits):
        return np.zeros(0, np.int8)
    ordered = np.sort(hits, axis=1)
    most, second = ordered[:, -1], ordered[:, -2]
    clear = (most >= MIN_HITS) & (most > second) & (most >= MIN_SHARE * hits.sum(axis=1))
    return np.where(clear, hits.argmax(axis=1), 0).astype(np.int8)


def _forms(topics: Mapping[str, list[str]], endings: list[str]) -> dict[str, int]:
    """Return each term and each of its forms with its topic: what a list says outright comes before what an ending makes."""
    number = {name: topic_names().index(f"{TOPIC}:{name}") for name in topics}
    stated = {term: number[name] for name, terms in topics.items() for term in terms}
    made: dict[str, set[int]] = {}
    for term, topic in stated.items():
        for ending in endings:
            made.setdefault(term + ending, set()).add(topic)
    return {term: min(owners) for term, owners in made.items() if len(owners) == 1} | stated
