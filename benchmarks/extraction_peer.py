"""DataTrove's WARC reader and trafilatura extractor on one archive; run by `benchmarks/extraction.py` in DataTrove's environment."""

import json
import resource
import sys
from pathlib import Path

import cchardet
import magic
import trafilatura
import warcio.archiveiterator
from datatrove.pipeline.extractors import Trafilatura
from datatrove.pipeline.readers import WarcReader

IMPORTED = (cchardet, magic, trafilatura, warcio.archiveiterator)
"""Here, so that neither the run nor its child process pays for the imports."""
TIMEOUT = 60
"""Seconds a page; with DataTrove's default of one second, pages are lost on a busy machine."""


def cpu_seconds() -> float:
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def read(kind: str, path: Path) -> dict[str, str]:
    options = {} if kind == "default" else {"favour_precision": False, "deduplicate": False}
    extractor = Trafilatura(timeout=TIMEOUT, **options)
    reader = WarcReader(str(path.parent), glob_pattern=path.name, compression=None)
    return {document.metadata["url"]: document.text for document in extractor.run(reader.run(rank=0, world_size=1))}


def main(kind: str, file: str, answer: str) -> None:
    read(kind, Path(file))
    started = cpu_seconds()
    texts = read(kind, Path(file))
    result = {"seconds": cpu_seconds() - started, "texts": texts}
    Path(answer).write_text(json.dumps(result), encoding="utf-8")


main(*sys.argv[1:])
