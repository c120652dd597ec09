"""DataTrove's PIIFormatter (mail and public IP addresses); run by `pii_peers` in DataTrove's environment."""

import json
import sys
import time

import pyarrow.parquet as pq
from datatrove.data import Document
from datatrove.pipeline.formatters import PIIFormatter


def main(corpus: str, count: str) -> None:
    texts = pq.read_table(corpus, columns=["text"]).column("text").slice(0, int(count)).to_pylist()
    formatter = PIIFormatter()
    documents = (Document(text=text, id=str(number)) for number, text in enumerate(texts))
    start = time.process_time()
    done = sum(1 for _ in formatter.run(documents))
    print(json.dumps({"documents": done, "cpu": time.process_time() - start}))


if __name__ == "__main__":
    main(*sys.argv[1:])
