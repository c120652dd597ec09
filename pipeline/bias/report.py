"""The bias report of a batch: whom it speaks of, who is kept, in which contexts, and what could not be assessed.

It is plain data, without any text. It describes differences between groups of documents; it does not say why they are there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from pipeline.bias.association import association
from pipeline.bias.counts import ALL, LANGUAGE, MIN_DOCUMENTS, REGION, WHOLE, Counts, axis_of, family_of
from pipeline.bias.coverage import coverage, gaps
from pipeline.bias.retention import Comparison, Integers, adjusted, compare
from pipeline.bias.topics import NONE, TOPIC
from pipeline.intervals import proportion

FILE = "bias.json"
"""Name of a batch's report, beside validate's shards."""


class Limits(NamedTuple):
    """From what on a difference is called disparate."""

    min_ratio: float
    """Share kept of a group over that of comparable documents under which it is."""
    error_rate: float
    """Adjusted probability up to which it is no chance."""
    min_topic_ratio: float
    """As `min_ratio`, for topics, which differ in quality by nature."""

    def of(self, value: str) -> float:
        """Return the ratio under which a value is disparate."""
        return self.min_topic_ratio if axis_of(value) == TOPIC else self.min_ratio


class Compared(NamedTuple):
    """One comparison: a value's documents under one outcome."""

    value: str
    outcome: str
    """``*`` for all stages together, a stage's name, or a reason."""
    found: Comparison
    q: float
    """Probability, adjusted for the number of comparisons in the report."""

    def row(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {"value": self.value, "outcome": self.outcome, **self.found._asdict(), "q": self.q}


def report(counts: Counts, early: Counts, limits: Limits) -> dict[str, Any]:
    """Return the report of a batch, without drift and evidence.

    Parameters
    ----------
    counts
        Of the documents that were no duplicates, from the language stage on, by source, language and length.
    early
        Of all documents that were read, in the first stages, by source.
    limits
        From what on a difference is disparate.
    """
    tests = _tests(counts, early)
    whole = {test.value: test for test in tests if test.outcome == WHOLE}
    return {
        "documents": {
            "read": early.total(ALL, "read:dedup"),
            "compared": counts.total(ALL, f"read:{WHOLE}"),
            "kept": counts.kept(ALL),
        },
        "limits": {**limits._asdict(), "min_documents": MIN_DOCUMENTS, "comparisons": len(tests)},
        "coverage": coverage(counts),
        "rows": [_row(counts, value, family, whole.get(value)) for value, family in _all_values(counts)],
        "significant": [test.row() for test in tests if test.q <= limits.error_rate],
        "disparate": disparate(tests, limits),
        "association": association(counts),
        "not_assessed": gaps(counts),
    }


def disparate(tests: Sequence[Compared], limits: Limits) -> list[dict[str, Any]]:
    """Return the values that are kept much less often than comparable documents, with the outcome that is responsible, worst first.

    Responsible is the rule that takes most beyond what was to be expected; the stage, where no single rule stands out.
    """
    found = []
    beyond = [
        test
        for test in tests
        if test.q <= limits.error_rate and test.found.ratio is not None and test.found.ratio < limits.of(test.value)
    ]
    for value in dict.fromkeys(test.value for test in beyond):
        own = [test for test in tests if test.value == value and test.q <= limits.error_rate]
        rules = [test for test in own if "@" in test.outcome]
        stages = [test for test in own if "@" not in test.outcome and test.outcome != WHOLE]
        blamed = max(rules or stages or own, key=lambda test: (test.found.lost - test.found.expected, test.outcome))
        worst = min(
            (test for test in beyond if test.value == value), key=lambda test: (test.found.ratio or 0.0, test.outcome)
        )
        found.append({**worst.row(), "outcome": worst.outcome, "responsible": blamed.outcome})
    return sorted(found, key=lambda row: (row["ratio"], row["value"]))


def named(rows: Sequence[Mapping[str, Any]], most: int = 5) -> str:
    """Return the disparate values in words, for a gate and for a curator; "none" where there are none.

    >>> named([{"value": "gender:women", "responsible": "quality.score@1", "ratio": 0.4}])
    'gender:women by quality.score@1 (kept 0.40 times as often as comparable documents)'
    """
    said = []
    for row in rows[:most]:
        own = f"kept {row['ratio']:.2f} times as often as comparable documents"
        if row.get("shared"):
            own += (
                f"; {row['shared']['of_them']:,} of the {row['shared']['lost']:,} lost are {row['shared']['value']} too"
            )
        said.append(f"{row['value']} by {row['responsible']} ({own})")
    more = [f"and {len(rows) - most} more"] if len(rows) > most else []
    return "; ".join([*said, *more]) or "none"


def _all_values(counts: Counts) -> Iterator[tuple[str, str]]:
    """Yield every value that some compared document has, with the values that are assessed with it."""
    for value in counts.values:
        if ":" in value and "/" not in value and counts.total(value, f"read:{WHOLE}"):
            yield value, family_of(value)
    for language in sorted({language for _, language, _ in counts.strata if language}):
        yield f"{LANGUAGE}:{language}", ALL
    for source in sorted({source for source, _, _ in counts.strata}):
        yield f"source:{source}", ALL


def _tests(counts: Counts, early: Counts) -> list[Compared]:
    """Compare every value with enough documents under every outcome; the probabilities are adjusted for their number."""
    found: list[tuple[str, str, Comparison]] = []
    for value, family in _all_values(counts):
        if axis_of(value) != "source" and value != NONE:  # sources differ in quality by nature; and texts about nothing
            for outcome in counts.outcomes:
                kind, _, name = outcome.partition(":")
                if kind != "read":
                    found += _compared(counts, value, family, name, outcome)
    for value in early.values:
        if ":" in value:
            for name in ("ingest", "dedup"):
                found += _compared(early, value, REGION, name, f"lost:{name}")
    q = adjusted(np.array([comparison.p for _, _, comparison in found]))
    return [Compared(*each, float(own)) for each, own in zip(found, q, strict=True)]


def _compared(
    counts: Counts, value: str, family: str, name: str, outcome: str
) -> Iterator[tuple[str, str, Comparison]]:
    """Yield a value's comparison under one outcome, if it has enough documents."""
    read = f"read:{name.split('.', maxsplit=1)[0] if '@' in name else name}"
    parts = [_of(counts, value, family, what) for what in (read, outcome)]
    if parts[0][0].sum() >= MIN_DOCUMENTS:
        own, whole = zip(*parts, strict=True)
        yield value, name, compare(*own, *whole)


def _of(counts: Counts, value: str, family: str, outcome: str) -> tuple[Integers, Integers]:
    """Return a value's documents and all that are assessed with it, by stratum; a language's strata leave out the language."""
    axis, _, name = value.partition(":")
    everybody = counts.of(family, outcome)
    if axis not in (LANGUAGE, "source"):
        return counts.of(value, outcome), everybody
    mine = np.array([(language if axis == LANGUAGE else source) == name for source, language, _ in counts.strata], bool)
    own = np.where(mine, everybody, 0)
    if axis == "source":
        return own, everybody
    names = {key: n for n, key in enumerate(sorted({(source, band or 0) for source, _, band in counts.strata}))}
    place = np.array([names[source, band or 0] for source, _, band in counts.strata], np.int64)
    summed = [np.bincount(place, part, len(names)).astype(np.int64) for part in (own, everybody)]
    return summed[0], summed[1]


def _row(counts: Counts, value: str, family: str, test: Compared | None) -> dict[str, Any]:
    """Return how often a value occurs before and after, and how much of it is kept: as it stands, and beside its like."""
    read, whole = (int(part.sum()) for part in _of(counts, value, family, f"read:{WHOLE}"))
    lost, lost_whole = (int(part.sum()) for part in _of(counts, value, family, f"lost:{WHOLE}"))
    kept, kept_whole = read - lost, whole - lost_whole
    share = proportion(kept, read)
    others = (kept_whole - kept) / (whole - read) if whole > read else None
    found = test.found if test else None
    return {
        "value": value,
        "axis": axis_of(value),
        "read": read,
        "kept": kept,
        "representation": read / whole if whole else None,
        "representation_kept": kept / kept_whole if kept_whole else None,
        "retention": share.share,
        "lower": share.lower,
        "upper": share.upper,
        "crude_ratio": share.share / others if others and read >= MIN_DOCUMENTS else None,
        "ratio": found.ratio if found else None,
        "ratio_lower": found.lower if found else None,
        "ratio_upper": found.upper if found else None,
        "q": test.q if test else None,
        "stages": {
            name.removeprefix("lost:"): int(_of(counts, value, family, name)[0].sum())
            for name in counts.outcomes
            if name.startswith("lost:") and name != f"lost:{WHOLE}"
        },
    }  # fmt: skip
