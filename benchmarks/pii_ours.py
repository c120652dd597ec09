"""One worker of ours: redacts some rows of a corpus as the stage does, re-scan included; run by `pii_peers`.

python -m benchmarks.pii_ours CORPUS FIRST COUNT patterns|names
"""

from __future__ import annotations

import json
import sys
import time

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.memory import fresh_peak, peak
from pipeline.language.detect import detect
from pipeline.settings import Pii
from pipeline.stages.pii import PiiStage

ROWS = 1_000
"""Documents that a stage sees at once (`engine.batch_rows`)."""


def main(corpus: str, first: str, count: str, what: str) -> None:
    stage = PiiStage(Pii(names=what == "names"))
    column = pq.read_table(corpus, columns=["text"]).column("text").slice(int(first), int(count))
    texts = column.combine_chunks()
    texts = texts if isinstance(texts, pa.Array) else pa.concat_arrays(texts.chunks)
    languages = detect(texts, 1_000, 0.5).languages  # the stage before, whose time does not count
    whole = pa.RecordBatch.from_arrays([texts, languages], names=["text", "language"]).select(list(stage.reads))
    start, clock = time.process_time(), time.monotonic()
    stage.apply(whole.slice(0, 10))  # loads recognisers and models
    loaded, begun = time.process_time(), time.monotonic()
    before = fresh_peak()
    found = 0
    for row in range(0, whole.num_rows, ROWS):
        found += sum(value or 0 for value in stage.apply(whole.slice(row, ROWS)).column("pii_count").to_pylist())
    print(
        json.dumps(
            {
                "documents": whole.num_rows,
                "english": sum(language == "en" for language in languages.to_pylist()),
                "found": found,
                "load": loaded - start,
                "cpu": time.process_time() - loaded,
                "wall": time.monotonic() - begun,
                "start": clock,
                "held": before / 1024,
                "peak": peak() / 1024,
            }
        )
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
