"""The report on a batch's duplicates as one page: pictures without scripts, texts beside each other, nothing from outside.

The texts come from anywhere. Each is spelt out where it could turn or hide what stands beside it (`pipeline.report.escaped`), escaped by
the template, and kept apart by `bdi`; and the page's own policy lets a browser load and run nothing but its one style sheet, by digest.
"""

from __future__ import annotations

from typing import Any

from pipeline.report.clusters import below_in_words, size_of, sources_of, winner
from pipeline.report.pages import render


def cluster_page(found: dict[str, Any]) -> str:
    """Return the page of a report that `pipeline.clusters.with_differences` gave."""
    return render(
        "clusters",
        found=found,
        below=below_in_words(found["near_threshold"]),
        bars={
            "sources": _bars([(row["source"], _removed(row), "gone") for row in found["sources"]]),
            "sizes": _bars([(size_of(row), row["clusters"], "plain") for row in found["sizes"]]),
            "near": _bars(
                [
                    (f"{row['from']:.3f} to {row['to']:.3f}", row["documents"], "gone" if row["outcome"] == "removed" else "kept")
                    for row in found["near_threshold"]["bins"]
                ]
            ),
        },
        removed=_removed,
        winner=winner,
        sources_of=sources_of,
    )  # fmt: skip


def _removed(row: dict[str, Any]) -> int:
    return int(row["exact"] + row["near"] + row["published_exact"] + row["published_near"])


def _bars(rows: list[tuple[str, int, str]]) -> dict[str, Any]:
    """Return where the bars of a picture lie, in units of its view box."""
    most = max((count for _, count, _ in rows), default=0)
    return {
        "height": 24 * len(rows) + 4,
        "rows": [
            {
                "label": label if len(label) <= 34 else f"{label[:33]}…",
                "count": count,
                "kind": kind,
                "y": 24 * place + 4,
                "width": round(400 * count / most, 1) if most else 0,
            }
            for place, (label, count, kind) in enumerate(rows)
        ],
    }
