"""The report on a batch as one page: pictures without scripts, nothing from outside, no text of any document."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.bias.topics import TOPIC
from pipeline.report.pages import render

RATIO_SCALE = 1.6
"""Ratio at the right end of the pictures of ratios; what lies beyond is drawn at the end, with an arrow."""
MOST_ROWS = 30
_LABEL, _WIDTH, _ROW = 250, 400, 22
Mark = tuple[str, float, float | None, float | None, int, bool]
"""A row of a picture of ratios: value, ratio, its interval, documents, and whether it is flagged."""


def batch_page(found: Mapping[str, Any]) -> str:
    """Return the page of what `pipeline.batch_report.report` gave."""
    bias = found["bias"]
    limit = bias["limits"]["min_ratio"]
    flagged = {row["value"] for row in bias["disparate"]}
    rows = sorted(
        (row for row in bias["rows"] if row["ratio"] is not None), key=lambda row: (row["ratio"], row["value"])
    )
    compared = [row for row in rows if row["axis"] != TOPIC]
    return render(
        "batch",
        found=found,
        bias=bias,
        compared=compared,
        percent=lambda share: "" if share is None else f"{100 * share:.1f} %",
        number=lambda value: "" if value is None else f"{value:.2f}",
        pictures={
            "funnel": _funnel(found["funnel"]),
            "retention": _ratios(_kept(compared[:MOST_ROWS], flagged), limit),
            "topics": _ratios(
                _kept([row for row in rows if row["axis"] == TOPIC], flagged), bias["limits"].get("min_topic_ratio")
            ),
            "contexts": _ratios(_contexts(bias["association"]), None),
            "scores": [_histogram(row, found["threshold"]) for row in found["scores"]],
            "drift": [_line(row) for row in _widest(found["shares"]) if row["before"]],
        },
        topics=sorted(
            (row for row in bias["rows"] if row["axis"] == TOPIC),
            key=lambda row: (-row["representation"], row["value"]),
        ),
        assessed=_assessed(bias["coverage"]),
    )


def _kept(rows: Sequence[Mapping[str, Any]], flagged: set[str]) -> list[Mark]:
    """Return what a picture of retention shows of some values."""
    return [
        (row["value"], row["ratio"], row["ratio_lower"], row["ratio_upper"], row["read"], row["value"] in flagged)
        for row in rows
    ]


def _assessed(rows: Sequence[Mapping[str, Any]], most: int = 8) -> dict[str, Any]:
    """Return the coverage as a table: a row for each axis, a column for each language, the most frequent first and the rest together."""
    axes = list(dict.fromkeys(row["axis"] for row in rows))
    cells: dict[str, dict[str, tuple[int, int]]] = {}
    for row in rows:
        cells.setdefault(row["language"] or "unknown", {})[row["axis"]] = (row["assessed"], row["documents"])
    ordered = sorted((name for name in cells if axes), key=lambda name: (-cells[name][axes[0]][1], name))
    named = [(name, cells[name]) for name in ordered[:most]]
    rest = [cells[name] for name in ordered[most:]]
    if rest:
        summed = {axis: (sum(own[axis][0] for own in rest), sum(own[axis][1] for own in rest)) for axis in axes}
        named.append((f"{len(rest)} others", summed))
    return {
        "languages": [(name, own[axes[0]][1]) for name, own in named],
        "rows": [
            {"axis": axis, "shares": [own[axis][0] / own[axis][1] if own[axis][1] else None for _, own in named]}
            for axis in axes
        ],
    }


def _funnel(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the bars of the funnel: for each stage what is kept, rejected and failed, in units of the view box."""
    stages = list(dict.fromkeys(row["stage"] for row in rows))
    totals = {
        stage: {
            "kept": sum(row["kept"] for row in rows if row["stage"] == stage),
            "rejected": sum(sum(row["rejected"].values()) for row in rows if row["stage"] == stage),
            "failed": sum(sum(row["failed"].values()) for row in rows if row["stage"] == stage),
        }
        for stage in stages
    }
    most = max((sum(total.values()) for total in totals.values()), default=0) or 1
    bars = []
    for place, (stage, total) in enumerate(totals.items()):
        x, parts = 110.0, []
        for kind in ("kept", "rejected", "failed"):
            width = _WIDTH * total[kind] / most
            parts.append({"kind": kind, "x": round(x, 1), "width": round(width, 1)})
            x += width
        bars.append({"stage": stage, "y": _ROW * place + 4, "parts": parts, "end": round(x + 6, 1), **total})
    return {"height": _ROW * len(bars) + 8, "bars": bars}


def _ratios(rows: Sequence[Mark], limit: float | None) -> dict[str, Any]:
    """Return a picture of ratios with their intervals: one row each, a line at 1 and one at the limit."""

    def x(ratio: float) -> float:
        return round(_LABEL + _WIDTH * min(max(ratio, 0.0), RATIO_SCALE) / RATIO_SCALE, 1)

    marks = [
        {
            "label": value, "y": _ROW * place + 34, "x": x(ratio), "low": x(ratio if low is None else low),
            "high": x(ratio if high is None else high), "beyond": (high or ratio) > RATIO_SCALE,
            "ratio": ratio, "documents": documents, "kind": "gone" if flagged else "plain",
        }
        for place, (value, ratio, low, high, documents, flagged) in enumerate(rows)
    ]  # fmt: skip
    ticks = [{"x": x(value), "label": f"{value:g}"} for value in (0, 0.4, 0.8, 1.2, 1.6)]
    height = _ROW * len(marks) + 40
    return {"height": height, "marks": marks, "ticks": ticks, "one": x(1), "limit": None if limit is None else x(limit)}


def _contexts(rows: Sequence[Mapping[str, Any]]) -> list[Mark]:
    """Return the groups that stand beside negative words, those most above and below what was to be expected."""
    negative = [row for row in rows if row["context"] == "negative" and row["expected"]]
    widest = sorted(negative, key=lambda row: -abs(math.log(max(row["ratio"], 0.01))))[: MOST_ROWS // 2]
    return [
        (
            row["value"],
            row["ratio"],
            row["lower"] / row["expected"],
            row["upper"] / row["expected"],
            row["documents"],
            False,
        )
        for row in sorted(widest, key=lambda row: -row["ratio"])
    ]


def _histogram(row: Mapping[str, Any], threshold: float) -> dict[str, Any]:
    """Return the bars of one source's scores."""
    most = max(row["bins"]) or 1
    width = 300 / len(row["bins"])
    return {
        "source": row["source"],
        "documents": row["documents"],
        "threshold": round(300 * threshold, 1),
        "bars": [
            {
                "x": round(place * width, 1),
                "y": round(80 * (1 - count / most), 1),
                "height": round(80 * count / most, 1),
                "width": round(width - 1, 1),
                "kind": "kept" if (place + 0.5) / len(row["bins"]) > threshold else "gone",
                "count": count,
                "from": place / len(row["bins"]),
            }
            for place, count in enumerate(row["bins"])
        ],
    }


def _widest(rows: Sequence[Mapping[str, Any]], most: int = 18) -> list[Mapping[str, Any]]:
    """Return the groups whose share has changed most against the release before, those without one last."""

    def change(row: Mapping[str, Any]) -> float:
        return abs(math.log(row["now"] / row["before"][-1])) if row["before"] and row["before"][-1] else -1.0

    return sorted(rows, key=lambda row: (-change(row), row["value"]))[:most]


def _line(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the line of one group's shares over the releases, this batch's last."""
    values = [*row["before"][-19:], row["now"]]
    most = max(values) or 1.0
    step = 180 / max(len(values) - 1, 1)
    points = [(round(10 + step * place, 1), round(56 - 48 * value / most, 1)) for place, value in enumerate(values)]
    return {
        "value": row["value"],
        "points": " ".join(f"{x},{y}" for x, y in points),
        "dots": points[:-1],
        "last": points[-1] if len(points) > 1 else (190, points[0][1]),
        "now": row["now"],
        "before": row["before"][-1] if row["before"] else None,
        "most": most,
    }
