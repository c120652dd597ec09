"""The page of an evaluation of languages: detectors beside each other, reliability before and after calibration, every language's figures."""

from __future__ import annotations

import base64
import hashlib
import math
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from pipeline.language.evaluate import Evaluation, Reliability
from pipeline.report.twin import safe

_FOLDER = Path(__file__).parent / "templates"
_PAGES = Environment(
    loader=FileSystemLoader(_FOLDER), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)
_PAGES.filters["safe_text"] = lambda value: safe(str(value))
_PAGES.filters["thousands"] = lambda value: f"{value:,}"
_PAGES.filters["percent"] = lambda value: "" if math.isnan(value) else f"{100 * value:.1f}"

SIZE = 300
"""Side of a diagram, in the picture's units."""


def reliability_page(found: Evaluation, title: str) -> str:
    """Return the page as HTML; it loads and runs nothing, and quotes no text."""
    style = (_FOLDER / "reliability.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return _PAGES.get_template("reliability.j2").render(
        title=title,
        style=style,
        digest=digest,
        size=SIZE,
        diagrams=[
            ("before: lid.176's own score", _diagram(found.before)),
            ("after: language_score", _diagram(found.after)),
        ],
        scores=found.scores,
        languages=next(iter(found.scores.values())).by_language,
    )


def _diagram(found: Reliability) -> dict[str, Any]:
    most = max((entry.texts for entry in found.bins), default=0) or 1
    return {
        "error": found.error,
        "bins": [
            {
                "x": SIZE * entry.lower,
                "width": SIZE * (entry.upper - entry.lower),
                "height": SIZE * entry.right.share,
                "middle": SIZE * (entry.lower + entry.upper) / 2,
                "low": SIZE * (1 - entry.right.lower),
                "high": SIZE * (1 - entry.right.upper),
                "at": SIZE * entry.mean_score,
                "weight": 40 * entry.texts / most,
                "bin": entry,
            }
            for entry in found.bins
            if entry.texts
        ],
    }
