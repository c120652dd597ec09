"""lingua on texts, one JSON string a line; run by `benchmarks/language_peers.py` in lingua's environment."""

import json
import resource
import sys
import time
from pathlib import Path

from lingua import LanguageDetectorBuilder


def main(file: str, answer: str) -> None:
    texts = [json.loads(line) for line in Path(file).read_text(encoding="utf-8").splitlines()]
    started = time.process_time()
    detector = LanguageDetectorBuilder.from_all_languages().with_preloaded_language_models().build()
    loaded = time.process_time()
    found = [detector.detect_language_of(text) for text in texts]
    result = {
        "load_seconds": loaded - started,
        "seconds": time.process_time() - loaded,
        "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "languages": [None if language is None else language.iso_code_639_1.name.lower() for language in found],
    }
    Path(answer).write_text(json.dumps(result), encoding="utf-8")


main(*sys.argv[1:])
