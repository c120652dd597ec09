"""A document's story as one page: what every stage said, the rules, what the score is made of, and the document that stays for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.report.pages import render
from pipeline.report.story import change_text, relation, value_text

_LABEL, _WIDTH, _ROW = 230, 320, 22


def story_page(story: Mapping[str, Any]) -> str:
    """Return the page of what `pipeline.explain.explain` gave."""
    return render(
        "story",
        story=story,
        picture=_picture,
        relation=relation,
        value_text=value_text,
        change_text=change_text,
        against=lambda rules: sum(rule["speaks_against"] for rule in rules),
    )


def _picture(score: Mapping[str, Any]) -> dict[str, Any]:
    """Return the bars of the score's terms: to the right what speaks for the document, to the left what speaks against it."""
    terms = score["contributions"]
    longest = max((abs(term["log_odds"]) for term in terms), default=1.0)
    middle = _LABEL + _WIDTH
    rows = []
    for place, term in enumerate(terms):
        width = _WIDTH * abs(term["log_odds"]) / longest
        for_it = term["log_odds"] > 0
        rows.append(
            {
                "label": term["term"],
                "y": place * _ROW,
                "x": round(middle if for_it else middle - width, 1),
                "width": round(max(width, 1), 1),
                "kind": "kept" if for_it else "gone",
                "said": f"{term['log_odds']:+.3f}",
                "said_x": round(middle - width - 6 if not for_it else middle + width + 6, 1),
                "anchor": "end" if not for_it else "start",
            }
        )
    return {"rows": rows, "middle": middle, "height": len(terms) * _ROW + 4, "width": _LABEL + 2 * _WIDTH + 70}
