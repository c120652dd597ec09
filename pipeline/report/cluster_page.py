"""The report on a batch's duplicates as one page: pictures without scripts, texts beside each other, nothing from outside.

The texts come from anywhere. Each is spelt out where it could turn or hide what stands beside it (`pipeline.report.escaped`), escaped by
the template, and kept apart by `bdi`; and the page's own policy lets a browser load and run nothing but its one style sheet, by digest.
"""

from __future__ import annotations

import base64
import hashlib
import os
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from pipeline.config import Settings
from pipeline.errors import UserError
from pipeline.report.clusters import below_in_words, size_of, sources_of, winner
from pipeline.report.twin import safe

_FOLDER = Path(__file__).parent / "templates"
_PAGES = Environment(
    loader=FileSystemLoader(_FOLDER), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)
_PAGES.filters["safe_text"] = lambda value: safe(str(value))
_PAGES.filters["thousands"] = lambda value: f"{value:,}"


def cluster_page(found: dict[str, Any]) -> str:
    """Return the page of a report that `pipeline.clusters.with_differences` gave."""
    style = (_FOLDER / "clusters.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return _PAGES.get_template("clusters.j2").render(
        found=found,
        style=style,
        digest=digest,
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


def write_page(settings: Settings, path: Path, page: str) -> None:
    """Write the page where the user said, for the user alone: it quotes texts, and no retention reaches it there.

    Raises
    ------
    UserError
        If the place is inside the lake or the raw root, or cannot be written.
    """
    for root in (settings.lake.root, settings.lake.raw_root):
        if root and "://" not in root and path.resolve().is_relative_to(Path(root).resolve()):
            raise UserError(
                f"{path} is inside the lake: a page there would outlive the texts that it quotes; name a file elsewhere"
            )
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), 0o600)  # also where the file was there before
            file.write(page)
    except OSError as error:
        raise UserError(
            f"{path} cannot be written ({type(error).__name__}); name a file in a folder that is there"
        ) from None


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
