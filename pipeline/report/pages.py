"""How a page of a report is made: a template with everything in it escaped, and a policy that lets a browser load and run nothing else."""

from __future__ import annotations

import base64
import hashlib
import os
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from pipeline.errors import UserError
from pipeline.report.twin import safe
from pipeline.settings import Settings

_FOLDER = Path(__file__).parent / "templates"
_PAGES = Environment(
    loader=FileSystemLoader(_FOLDER), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)
_PAGES.filters["safe_text"] = lambda value: safe(str(value))
_PAGES.filters["thousands"] = lambda value: f"{value:,}"


def render(name: str, **values: Any) -> str:
    """Return the page of a template with its style sheet, which the page's own policy allows by its digest."""
    style = (_FOLDER / f"{name}.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return _PAGES.get_template(f"{name}.j2").render(style=style, digest=digest, **values)


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
