"""What of a batch could be assessed, and what not."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from pipeline.bias.counts import ALL, GROUPS, LANGUAGE, REGION, WHOLE, Counts, axis_of
from pipeline.bias.terms import group_names, groups_of, term_lists
from pipeline.bias.topics import TOPIC, topic_lists

NOT_TAKEN = (
    "topic: the main one of each document only, by words and not by meaning; IPTC's human interest is none of them",
    "the writer's identity: a text says whom it speaks of, and its markers which variety it resembles, never who wrote it",
    "duplicates: their content stays with their survivor, so groups are compared from the language stage on; regions from the first stage",
    "documents in a language that is not wanted: the configuration asks for that, so they are no loss that a rule is to blame for",
)


def coverage(counts: Counts) -> list[dict[str, Any]]:
    """Return for each axis and language how many of the compared documents could be assessed."""
    languages = sorted({language for _, language, _ in counts.strata}, key=lambda name: (name is None, name or ""))
    axes = [*dict.fromkeys(axis_of(name) for name in group_names()), TOPIC]
    rows = []
    for language in languages:
        mine = np.array([own == language for _, own, _ in counts.strata], bool)
        read, screened, regions = (int(counts.of(f, f"read:{WHOLE}")[mine].sum()) for f in (ALL, GROUPS, REGION))
        listed = {axis_of(name) for name in groups_of(language)} if language else set()
        listed |= {TOPIC} if language in topic_lists() else set()
        rows += [
            {"axis": axis, "language": language, "documents": read, "assessed": screened if axis in listed else 0}
            for axis in axes
        ]
        rows.append({"axis": REGION, "language": language, "documents": read, "assessed": regions})
        rows.append({"axis": LANGUAGE, "language": language, "documents": read, "assessed": read if language else 0})
    return rows


def gaps(counts: Counts) -> list[str]:
    """Say how many documents could not be assessed, and why."""
    read, assessed = (counts.of(family, f"read:{WHOLE}") for family in (ALL, GROUPS))
    total = int(read.sum())
    unlisted: Counter[str] = Counter()
    unknown = gone = 0
    for (_, language, _), left in zip(counts.strata, (read - assessed).tolist(), strict=True):
        if language is None:
            unknown += left
        elif language in term_lists():
            gone += left
        else:
            unlisted[language] += left
    most = ", ".join(f"{language} {n:,}" for language, n in unlisted.most_common(5))
    without = total - counts.total(REGION, f"read:{WHOLE}")
    gaps = (
        (
            unlisted.total(),
            "groups and topic",
            f"no list of terms for the language ({most}{', ...' if len(unlisted) > 5 else ''})",
        ),
        (unknown, "groups and topic", "no language is known"),
        (gone, "groups and topic", "the text has expired or is gone"),
        (without, "region", "the address names no country"),
    )
    said = [f"{what} of {n:,} of {total:,} documents: {why}" for n, what, why in gaps if n]
    return [*said, *NOT_TAKEN]
