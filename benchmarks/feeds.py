"""Every line and object of the real social and licensed feeds, and what became of it.

    python -m benchmarks.feeds [folder]

The folder holds `social/` and `licensed/` (default: ../shared/data). What a feed holds is counted here by other means than the readers':
lines that are not blank, objects of a JSON file and the items of its collections, articles and what lies in them. Each must be a record
or one of the units that are counted by kind.
"""

from __future__ import annotations

import gzip
import json
import re
import sys
import tarfile
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.source import Format, Source
from pipeline.sources.files import SourceFile
from pipeline.sources.records import read_file
from pipeline.verdict import outcome, reasons

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass
class Account:
    """What a feed held."""

    feed: str
    files: int = 0
    units: int = 0
    read: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    other: Counter[str] = field(default_factory=Counter)
    deletions: int = 0

    @property
    def documents(self) -> int:
        """Return the records that became documents."""
        return self.outcomes["kept"]

    def side(self, name: str) -> dict[str, int]:
        """Return the records that were rejected, or that failed, by reason."""
        return {r: n for r, n in sorted(self.outcomes.items()) if r != "kept" and outcome(r) == name}

    @property
    def lost(self) -> int:
        """Units that are neither a row nor counted by kind: 0, or something is wrong."""
        rows = self.outcomes.total()
        return abs(self.units - self.read - self.other.total()) + abs(self.read - rows)


def lines(content: bytes) -> int:
    return sum(bool(line.strip()) for line in content.split(b"\n"))


def objects(content: bytes) -> int:
    """Return an object and the items of the collection that it may be."""

    def count(value: Any) -> int:
        inside = [value.get(name) or [] for name in ("orderedItems", "items")] if isinstance(value, dict) else []
        return 1 + sum(count(item) for part in inside for item in part)

    return count(json.loads(content))


def articles(content: bytes) -> int:
    return len(re.findall(rb"<(?:article|sub-article|response)[\s>]", content))


def read(feed: str, files: list[Path], form: Format, units: Callable[[bytes], int], **settings: Any) -> Account:
    """Read a feed and count its units by other means."""
    account = Account(feed, len(files))
    source = Source.model_validate({"name": "feed", "kind": "social", **settings})
    for path in files:
        content = path.read_bytes()
        account.units += units(gzip.decompress(content) if path.suffix == ".gz" else content)
        reading = read_file(source, SourceFile("feed", str(path), path.name, path.stat().st_size, form))
        for chunk in reading:
            account.outcomes.update(reason or "kept" for reason in reasons(chunk.columns["verdict"]).to_pylist())
        found = reading.account
        account.read += found.records_read
        account.other.update(found.kinds)
        account.other["blank line"] += found.other_records - sum(found.kinds.values())
        account.deletions += len(found.deleted)
    account.other = +account.other
    return account


def accounts(data: Path) -> Iterator[Account]:
    """Yield the account of each feed."""
    social = data / "social"
    for name in ("expected_v1", "golden_v1"):
        yield read(f"bluesky {name}", [social / "bluesky_jetstream" / f"{name}.jsonl"], "bluesky", lines)
    yield read("activitypub", sorted((social / "activitypub_a").glob("*.json")), "activitypub", objects)
    yield read("reddit, as JSON lines", [social / "goemotions_reddit" / "data.jsonl.gz"], "jsonl", lines)
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(data / "licensed" / "plos_jats_xml" / "plos_jats.tar.xz") as archive:
            archive.extractall(folder, filter="data")
        files = sorted(Path(folder).rglob("*.xml"))
        yield read("jats", files, "jats", articles, kind="licensed", require_license=True)


def unread(data: Path) -> list[str]:
    """Return the files that are none of a feed: what the sets say of themselves."""
    found = [path for kind in ("social", "licensed") for path in sorted((data / kind).rglob("*")) if path.is_file()]
    kinds = ("README.txt", "manifest.json")
    return [str(path.relative_to(data)) for path in found if path.name in kinds]


def table(found: list[Account]) -> str:
    rows = [
        "| feed | files | units | read | documents | rejected | failed | other | deletions | lost |",
        "|---|" + "---|" * 9,
    ]
    for a in found:
        sides = [
            ", ".join(f"{reason} {n}" for reason, n in a.side(name).items()) or "0" for name in ("rejected", "failed")
        ]
        other = ", ".join(f"{kind} {n:,}" for kind, n in sorted(a.other.items())) or "0"
        rows.append(
            f"| {a.feed} | {a.files} | {a.units:,} | {a.read:,} | {a.documents:,} | {sides[0]} | {sides[1]} | {other} | {a.deletions} | {a.lost} |"
        )
    return "\n".join(rows)


def main() -> int:
    data = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[2] / "shared" / "data"
    if not data.is_dir():
        print(f"no feeds at {data}; name the folder that holds social/ and licensed/")
        return 2
    found = list(accounts(data))
    print(table(found))
    print("\nnot feeds: " + ", ".join(unread(data)))
    return 1 if any(account.lost for account in found) else 0


if __name__ == "__main__":
    sys.exit(main())
