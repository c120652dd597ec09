"""Values that must not leak, records that hold them, and where each may stand."""

from __future__ import annotations

import re
from pathlib import Path

from projects import TEXTS, YAML, line

from tests.leaks import Hit, search

VALUES = {
    "mail": "zora.quill@canary-mail.org",
    "card": "4539148803436467",  # passes Luhn's check
    "kept": "das violette Gürteltier summt um 7731 leise",
    "unlicensed": "der karierte Uhu flötet um 4402 heiser",
    "junk": "die gläserne Mücke trommelt um 9915 dumpf",
    "torn": "ein müder Lachs pfeift um 2268 schräg",
}


def require_license(folder: Path) -> None:
    """Let a project's source reject records without a licence at ingest."""
    strict = "      - {name: licensed_content, kind: licensed, require_license: true}\n"
    (folder / "pipeline.yaml").write_text(YAML.replace("      - licensed_content\n", strict))


def lines(number: int) -> list[str]:
    """Records that hold the values: kept with personal data, rejected by ingest, rejected by quality, not parsed."""
    personal = f"Write to {VALUES['mail']} or pay with card {VALUES['card']}."
    return [
        line("kept", f"{personal} Then {VALUES['kept']}.\n\n{TEXTS[number]}"),
        line("unlicensed", f"{VALUES['unlicensed']}.\n\n{TEXTS[number + 1]}", license=None),
        line("junk", f"{VALUES['junk']}! {personal} " + "BUY NOW!!! " * 60),
        line("torn", f"{VALUES['torn']}. {personal}")[:-2],
    ]


def leaks(folders: list[Path]) -> set[Hit]:
    """Return where the values stand without being allowed to."""
    return {hit for hit in search(folders, VALUES) if not _allowed(hit)}


_REDACTED = re.compile(r"/batches/[^/]+/pii/[^/]+/shard-[^/]*\.parquet$")
_PUBLISHED = re.compile(r"/warehouse/corpus/documents/data/[^/].*\.parquet$")


def _allowed(hit: Hit) -> bool:
    """Raw text lies in raw/; what is no personal data also in the redacted text, and what is kept in the published one."""
    if "/raw/" in hit.file:
        return True
    if hit.inside != "column text" or hit.value not in {"kept", "junk"}:
        return False
    return bool(_REDACTED.search(hit.file) or (hit.value == "kept" and _PUBLISHED.search(hit.file)))
