"""Language detection: web documents a CPU second, windows against whole texts, and how often they differ, in the same run.

``python -m benchmarks.language``; `benchmarks/language_peers.py` says how right it is beside others.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from benchmarks.measure import rates, report, web_length_texts
from pipeline.language import cld2, lid176, mixed
from pipeline.language.audit import agrees
from pipeline.language.detect import SURE_SCORE, detect, read
from pipeline.stages.language import LanguageStage

DOCUMENTS, AUDITED, CHARACTERS, REPEATS = 3_000, 300, 3_300, 9


def main() -> None:
    texts = web_length_texts(DOCUMENTS, CHARACTERS)
    column = pa.array(texts)
    batch = pa.RecordBatch.from_pydict({"text": column, "source_kind": pa.array(["web"] * len(column))})
    some = column[: min(AUDITED, len(column))]
    whole = detect(column, window_characters=CHARACTERS)
    library, lines = lid176.library(), [" ".join(text.split()).lower() for text in texts]
    stage = LanguageStage()
    stage.apply(batch)
    variants = {
        "the stage": lambda: stage.apply(batch),
        **{f"window of {size}": lambda size=size: detect(column, window_characters=size) for size in (300, 500, 1_000)},
        "whole text": lambda: detect(column, window_characters=CHARACTERS),
        "fastText's lid.176 alone, whole text": lambda: library.predict(lines, k=lid176.LABELS),
        "our kernel of it alone, whole text": lambda: lid176.opinions(texts),
        "CLD2 alone, whole text": lambda: cld2.opinions(texts),
        "the indicator's opinion (py3langid)": lambda: agrees(some, whole.languages[: len(some)]),
    }
    documents = dict.fromkeys(variants, len(column)) | {"the indicator's opinion (py3langid)": len(some)}
    mean = sum(len(text) for text in texts) / len(texts)
    report(
        f"language: {len(column):,} documents of {mean:,.0f} characters",
        rates(variants, documents, REPEATS),
        "fastText's lid.176 alone, whole text",
    )
    for size in (300, 500, 1_000):
        window = detect(column, window_characters=size)
        same = sum(a == b for a, b in zip(window.languages.to_pylist(), whole.languages.to_pylist(), strict=True))
        print(f"  window of {size}: same answer as the whole text {same / len(column):.2%}")
    reading = read(column)
    print(f"  asked of two models only {np.mean(reading.scores[:, 0] >= SURE_SCORE):.2%} at least")
    cut = mixed.doubtful(reading, column).sum()
    print(f"  doubtful, and cut into segments {cut / len(column):.2%}")


if __name__ == "__main__":
    main()
