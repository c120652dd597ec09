"""Main content of web archives: quality and speed of each extractor, and DataTrove's reader and extractor beside them in one run.

    python -m benchmarks.extraction [repeats] [pages]

Every variant reads the same archives in a process of its own: record, body, charset, extraction, and with ours also normalisation, ids,
digests and Arrow rows. CPU seconds are those of the process and its children when it reads
the archive for the second time, so without imports. DataTrove runs in an environment
that is made once under the cache folder, with the packages that it needs and does not declare. `pages` is how many of each set are read,
evenly spaced; all without it.
"""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.environments import cache_folder, environment

if TYPE_CHECKING:
    from benchmarks.pages import Page

PACKAGES = ("datatrove[io]==0.10.1", "trafilatura>=1.8,<1.12", "lxml_html_clean", "warcio", "faust-cchardet", "python-magic", "aiohttp", "pandas")  # fmt: skip
"""DataTrove with what its reader and extractor import; aiohttp and pandas it does not declare at all."""
OURS = ("resiliparse", "trafilatura")
THEIRS = ("default", "recall")
"""DataTrove's extractor as it comes (favours precision, deduplicates), and with both switched off."""


def main() -> None:
    if sys.argv[1:2] == ["--run"]:
        run_ours(*sys.argv[2:])
        return
    from benchmarks.pages import archive_pages, help_pages, write_archive

    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    most = int(sys.argv[2]) if len(sys.argv) > 2 else 440
    python = environment("datatrove-extraction", PACKAGES, cache_folder())
    sets: dict[str, list[Page]] = {"help pages": help_pages(), "archived pages": archive_pages()}
    with tempfile.TemporaryDirectory() as folder:
        for name, known in sets.items():
            pages = known[:: max(1, len(known) // most)][:most]
            file = Path(folder) / "pages.warc.gz"
            write_archive(pages, file)
            size = sum(len(page.html) for page in pages)
            print(f"{name}: {len(pages)} pages, {size / len(pages):,.0f} characters each", flush=True)
            commands = {
                f"ours, {kind}": [sys.executable, "-m", "benchmarks.extraction", "--run", kind] for kind in OURS
            }
            peer = str(Path(__file__).with_name("extraction_peer.py"))
            commands |= {f"DataTrove 0.10.1, {kind}": [python, peer, kind] for kind in THEIRS}
            compare(pages, commands, file, repeats)
            file.unlink()


def compare(pages: list[Page], commands: dict[str, list[str]], file: Path, repeats: int) -> None:
    """Run the variants in turn and print a line for each."""
    from benchmarks.pages import score

    seconds: dict[str, list[float]] = {name: [] for name in commands}
    texts: dict[str, dict[str, str]] = {}
    for _ in range(repeats):
        for name, command in commands.items():
            answer = file.with_name("answer.json")
            subprocess.run(
                [*command, str(file), str(answer)], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            result = json.loads(answer.read_text(encoding="utf-8"))
            seconds[name].append(result["seconds"])
            texts[name] = result["texts"]
    rates = {name: len(pages) / statistics.median(taken) for name, taken in seconds.items()}
    reference = max(rate for name, rate in rates.items() if name.startswith("DataTrove"))
    for name, rate in rates.items():
        found = score(pages, texts[name])
        slow, fast = len(pages) / max(seconds[name]), len(pages) / min(seconds[name])
        print(
            f"  {name:28s} {rate:7,.0f} documents/CPU s [{slow:,.0f} to {fast:,.0f}] x{rate / reference:4.1f}   "
            f"F1 {found.f1:.3f}  precision {found.precision:.3f}  recall {found.recall:.3f}  returned {found.returned}",
            flush=True,
        )


def run_ours(extractor: str, file: str, answer: str) -> None:
    """Read an archive as ingest does, twice, and write the texts and the CPU seconds of the second time: the first loads what is loaded late."""
    read_ours(extractor, Path(file))
    started = cpu_seconds()
    texts = read_ours(extractor, Path(file))
    result = {"seconds": cpu_seconds() - started, "texts": texts}
    Path(answer).write_text(json.dumps(result), encoding="utf-8")


def read_ours(extractor: str, path: Path) -> dict[str, str]:
    """Return the texts of an archive by address, read as ingest does."""
    from pipeline.source import Source
    from pipeline.sources.files import SourceFile
    from pipeline.sources.records import read_file

    source = Source.model_validate({"name": "pages", "kind": "web", "extractor": extractor})
    rows: list[tuple[str, str]] = []
    for chunk in read_file(source, SourceFile("pages", str(path), path.name, path.stat().st_size, "warc")):
        rows += zip(chunk.columns["uri"].to_pylist(), chunk.raw["text"].to_pylist(), strict=True)
    return {uri: text for uri, text in rows if text}


def cpu_seconds() -> float:
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


if __name__ == "__main__":
    main()
