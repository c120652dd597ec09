"""Redaction: documents a CPU second, ours against Presidio's recognisers on whole texts, in the same run.

``python -m benchmarks.pii``
"""

from __future__ import annotations

import pyarrow as pa

from benchmarks.measure import rates, report, web_length_texts
from pipeline.pii.recognizers import Recognizers, recognizers
from pipeline.pii.redact import redact
from pipeline.pii.rescan import rescan
from pipeline.pii.screens import screen
from pipeline.settings import Pii

DOCUMENTS, UNSCREENED, REPEATS = 3_000, 120, 5


def main() -> None:
    settings = Pii()
    texts = web_length_texts(DOCUMENTS)
    column = pa.array(texts)
    some = texts[:: max(1, len(texts) // UNSCREENED)]
    redacted = redact(column, settings).texts

    def ours() -> None:
        # Results of earlier runs must not help this one.
        recognizers.cache_clear()
        redact(column, settings)

    def presidio() -> None:
        fresh = Recognizers(settings)
        for text in some:
            for entity in settings.entities:
                fresh.find_unscreened(text, entity)

    variants = {
        "screens, windows, redaction (ours)": ours,
        "screens alone": lambda: screen(column, settings.entities),
        "re-scan": lambda: rescan(redacted, settings),
        "Presidio's recognisers on whole texts": presidio,
    }
    documents = dict.fromkeys(variants, len(texts)) | {"Presidio's recognisers on whole texts": len(some)}
    mean = sum(map(len, texts)) / len(texts)
    report(
        f"pii: {len(texts):,} documents of {mean:,.0f} characters", rates(variants, documents, REPEATS), [*variants][-1]
    )


if __name__ == "__main__":
    main()
