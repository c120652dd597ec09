"""Counts of a batch's documents by group, stratum and outcome: all that the bias report is made of, a shard at a time.

A **value** is something a document can be said to have: ``gender:women`` (mentions them), ``dialect:southern_us`` (has a marker),
``region:de`` (its address's country), ``topic:health`` (its main topic). A **family** is a set of values that are assessed alike: `groups` where
lists of terms exist for the language (of identity terms and of topics), `region` where the address names a country, `all` always. A **stratum** is what is compared with its like: source, language
of the list, and length, as powers of two of the characters, for a longer text mentions more and meets other rules.

An **outcome** is a yes or no about a document: ``read:quality`` (the stage saw it), ``lost:quality`` (the stage rejected it or failed on it),
``rule:quality.score@1`` (the rule speaks against it, first or not), ``read:*`` and ``lost:*`` (from the first judging stage to the last).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.bias.screen import MENTIONED, NEAR_NEGATIVE, NEAR_TOXIC, Screened
from pipeline.bias.terms import NEGATIVE, TOXIC, group_names
from pipeline.bias.topics import topic_names

Bools = npt.NDArray[np.bool_]
Integers = npt.NDArray[np.int64]
Stratum = tuple[str, str | None, int | None]
"""Source, language, and the power of two of the length; null where the stage comes before they are known."""

ALL, GROUPS, REGION = "all", "groups", "region"
WHOLE = "*"
LANGUAGE = "language"
MIN_DOCUMENTS = 30
"""Documents of a group from which it is compared; fewer say nothing (the interval is wider than the effect)."""
SHORTEST, LONGEST = 5, 16
"""Lengths under 2^6 characters are one band, those from 2^16 another."""


class Documents(NamedTuple):
    """What is counted of some documents, one row each."""

    source: pa.Array
    language: pa.Array
    """Language of the list that the text was screened with; null where unknown."""
    region: pa.Array
    characters: npt.NDArray[np.int64]
    screened: Screened
    outcomes: Mapping[str, Bools]


@dataclass(frozen=True)
class Counts:
    """``numbers[stratum, value, outcome]``: documents."""

    strata: tuple[Stratum, ...]
    values: tuple[str, ...]
    outcomes: tuple[str, ...]
    numbers: Integers

    def of(self, value: str, outcome: str) -> Integers:
        """Return the documents of a value with an outcome, by stratum."""
        if value not in self.values or outcome not in self.outcomes:
            return np.zeros(len(self.strata), np.int64)
        found: Integers = self.numbers[:, self.values.index(value), self.outcomes.index(outcome)]
        return found

    def total(self, value: str, outcome: str) -> int:
        """Return the documents of a value with an outcome."""
        return int(self.of(value, outcome).sum())

    def kept(self, value: str) -> int:
        """Return the compared documents of a value that no stage lost."""
        return self.total(value, f"read:{WHOLE}") - self.total(value, f"lost:{WHOLE}")

    def to_json(self) -> dict[str, Any]:
        """Return the counts as plain data: most of them are 0 and are left out."""
        place = np.nonzero(self.numbers)
        return {
            "strata": self.strata,
            "values": self.values,
            "outcomes": self.outcomes,
            "counts": [part.tolist() for part in (*place, self.numbers[place])],
        }


def count(documents: Documents, *, fine: bool) -> Counts:
    """Count documents.

    Parameters
    ----------
    documents
        The documents; those that no outcome holds for add nothing.
    fine
        Whether language and length are part of the stratum, and groups and topics are counted; else only the source is, and regions are.
    """
    strata, number_of = _strata(documents, fine=fine)
    values, has = _values(documents, fine=fine)
    outcomes = tuple(documents.outcomes)
    holds = np.column_stack(list(documents.outcomes.values())).astype(np.float32)
    numbers = np.zeros((len(strata), len(values), len(outcomes)), np.int64)
    order = np.argsort(number_of, kind="stable")
    edges = np.concatenate([[0], np.cumsum(np.bincount(number_of, minlength=len(strata)))])
    for stratum in range(len(strata)):
        rows = order[edges[stratum] : edges[stratum + 1]]
        # Sums of ones in 32-bit floats are exact to 2^24, more than a shard holds; a product of matrices is what is fast.
        numbers[stratum] = np.rint(has[rows].T.astype(np.float32) @ holds[rows])
    return Counts(strata, values, outcomes, numbers)


def merge(parts: Iterable[Mapping[str, Any]]) -> Counts:
    """Return the sum of counts in their plain form."""
    parts = list(parts)
    strata = _union([tuple(stratum) for stratum in part["strata"]] for part in parts)
    values = _union(part["values"] for part in parts)
    outcomes = _union(part["outcomes"] for part in parts)
    numbers = np.zeros((len(strata), len(values), len(outcomes)), np.int64)
    for part in parts:
        names = ([tuple(stratum) for stratum in part["strata"]], part["values"], part["outcomes"])
        places = []
        for own, whole, given in zip(part["counts"][:3], (strata, values, outcomes), names, strict=True):
            renumbered = np.array([whole[name] for name in given], np.int64)
            places.append(renumbered[np.array(own, np.int64)] if own else np.zeros(0, np.int64))
        np.add.at(numbers, tuple(places), np.array(part["counts"][3], np.int64))
    return Counts(tuple(strata), tuple(values), tuple(outcomes), numbers)


def family_of(value: str) -> str:
    """Return the family of a value."""
    return REGION if value.startswith(f"{REGION}:") else GROUPS


def axis_of(value: str) -> str:
    """Return the axis of a value: ``gender``, ``dialect``, ``region``, ``language``, ``topic``."""
    return value.partition(":")[0]


def in_context(value: str, context: str) -> str:
    """Return the value of documents that mention a group beside words of a context."""
    return f"{value}/{context}"


def bands(characters: npt.NDArray[np.int64]) -> Integers:
    """Return the band of each length: the power of two under it, within `SHORTEST` and `LONGEST`.

    >>> bands(np.array([0, 63, 64, 1000, 10**9])).tolist()
    [5, 5, 6, 9, 16]
    """
    exponents = np.floor(np.log2(np.maximum(characters, 1))).astype(np.int64)
    return np.clip(exponents, SHORTEST, LONGEST)


def _strata(documents: Documents, *, fine: bool) -> tuple[tuple[Stratum, ...], Integers]:
    """Return the strata and the number of each document's."""
    sources, source = _codes(documents.source)
    if not fine:
        return tuple((str(name), None, None) for name in sources), source
    languages, language = _codes(documents.language)
    band = bands(documents.characters) - SHORTEST
    width = LONGEST - SHORTEST + 1
    found, number_of = np.unique((source * len(languages) + language) * width + band, return_inverse=True)
    names: list[Stratum] = [
        (
            str(sources[code // width // len(languages)]),
            languages[code // width % len(languages)],
            code % width + SHORTEST,
        )
        for code in found.tolist()
    ]
    return tuple(names), number_of.astype(np.int64)


def _values(documents: Documents, *, fine: bool) -> tuple[tuple[str, ...], Bools]:
    """Return the values and, for each document, which it has: shape ``(documents, values)``."""
    length = len(documents.source)
    names, region = _codes(documents.region)
    known = np.asarray(pc.is_valid(documents.region))
    places = [place for place, name in enumerate(names) if name is not None]
    regions = region[:, None] == np.array(places, np.int64)[None, :] if places else np.zeros((length, 0), np.bool_)
    values = [ALL, REGION, *(f"{REGION}:{names[place]}" for place in places)]
    columns = [np.ones((length, 1), np.bool_), known[:, None], regions]
    if fine:
        flags, assessed, topic = documents.screened
        values += [GROUPS]
        columns += [assessed[:, None]]
        for bit, context in ((MENTIONED, ""), (NEAR_NEGATIVE, NEGATIVE), (NEAR_TOXIC, TOXIC)):
            values += [in_context(name, context) if context else name for name in group_names()]
            columns += [(flags & bit).astype(np.bool_)]
        values += topic_names()
        columns += [assessed[:, None] & (topic[:, None] == np.arange(len(topic_names())))]
    return tuple(values), np.concatenate(columns, axis=1)


def _codes(column: pa.Array) -> tuple[list[str | None], Integers]:
    encoded = pc.dictionary_encode(column, null_encoding="encode")
    return encoded.dictionary.to_pylist() or [None], np.asarray(encoded.indices, np.int64)


def _union(names: Iterable[Sequence[Any]]) -> dict[Any, int]:
    """Return every name with its number; sorted, so that the number does not depend on the order of the shards."""
    found = {name for part in names for name in part}
    return {
        name: number
        for number, name in enumerate(
            sorted(found, key=lambda name: tuple(map(_rank, name)) if isinstance(name, tuple) else (_rank(name),))
        )
    }


def _rank(part: str | int | None) -> tuple[bool, str, int]:
    return (part is not None, part if isinstance(part, str) else "", part if isinstance(part, int) else 0)
