"""Language detection: documents a CPU second, windows against whole texts, and how often they differ, in the same run.

``python -m benchmarks.language``
"""

from __future__ import annotations

import pyarrow as pa

from benchmarks.measure import rates, report, web_length_texts
from pipeline.language.audit import agrees
from pipeline.language.detect import detect

DOCUMENTS, SECOND, CHARACTERS, REPEATS = 3_000, 300, 6_000, 5


def main() -> None:
    column = pa.array(web_length_texts(DOCUMENTS, CHARACTERS))
    some = column[: min(SECOND, len(column))]
    whole = detect(column, window_characters=CHARACTERS)
    variants = {
        f"window of {size}": lambda size=size: detect(column, window_characters=size) for size in (500, 1_000, 2_000)
    }
    variants["whole text"] = lambda: detect(column, window_characters=CHARACTERS)
    variants["second opinion (py3langid)"] = lambda: agrees(some, whole.languages[: len(some)])
    documents = dict.fromkeys(variants, len(column)) | {"second opinion (py3langid)": len(some)}
    mean = sum(len(text) for text in column.to_pylist()) / len(column)
    report(
        f"language: {len(column):,} documents of {mean:,.0f} characters",
        rates(variants, documents, REPEATS),
        "whole text",
    )
    for size in (500, 1_000, 2_000):
        window = detect(column, window_characters=size)
        same = sum(a == b for a, b in zip(window.languages.to_pylist(), whole.languages.to_pylist(), strict=True))
        print(f"  window of {size}: same answer as the whole text {same / len(column):.2%}")


if __name__ == "__main__":
    main()
