"""DataTrove's four MinHash steps on a corpus; run by `dedup_peers` in DataTrove's environment.

Its own defaults: 14 bands of 8 on word 5-grams of simplified text. One task a step (one a band for the buckets, as it demands), one
worker: the CPU seconds are what counts.
"""

import json
import sys
from pathlib import Path

import pyarrow.parquet as pq
from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.dedup import MinhashDedupBuckets, MinhashDedupCluster, MinhashDedupFilter, MinhashDedupSignature
from datatrove.pipeline.dedup.minhash import MinhashConfig
from datatrove.pipeline.readers import ParquetReader
from datatrove.pipeline.writers import ParquetWriter
from datatrove.utils.typeshelper import Languages


def main(corpus: str, folder: str, answer: str) -> None:
    config = MinhashConfig()
    place = Path(folder)

    def reader() -> ParquetReader:
        return ParquetReader(str(Path(corpus).parent), glob_pattern=Path(corpus).name, read_metadata=False)

    steps = (
        ([reader(), MinhashDedupSignature(str(place / "signatures"), config=config, language=Languages.english)], 1),
        ([MinhashDedupBuckets(str(place / "signatures"), str(place / "buckets"), config=config)], config.num_buckets),
        ([MinhashDedupCluster(str(place / "buckets"), str(place / "remove"), config=config)], 1),
        ([reader(), MinhashDedupFilter(str(place / "remove")), ParquetWriter(str(place / "kept"))], 1),
    )
    for number, (blocks, tasks) in enumerate(steps):
        LocalPipelineExecutor(blocks, tasks=tasks, workers=1, logging_dir=str(place / "logs" / str(number))).run()
    names = pq.read_table(corpus, columns=["id"]).column("id").to_pylist()
    kept = {
        name for file in (place / "kept").rglob("*.parquet") for name in pq.read_table(file).column("id").to_pylist()
    }
    Path(answer).write_text(
        json.dumps({"removed": dict.fromkeys(name for name in names if name not in kept)}), encoding="utf-8"
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
