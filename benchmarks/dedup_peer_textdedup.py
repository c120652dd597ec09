r"""text-dedup's MinHash on a corpus; run by `dedup_peers` in its environment.

The settings of its README: 240 permutations on word 5-grams, threshold 0.7, bands and rows of its own choice (24 of 10), candidates
compared exactly. Its words are what ``\W`` separates in the text in lower case. It leaves out texts of fewer than five words; they
are no near-duplicates and do not count as removed.
"""

import json
import os
import sys
from pathlib import Path

import pyarrow.parquet as pq
from datasets import load_from_disk
from text_dedup.config.algorithms import MinHashAlgorithmConfig
from text_dedup.config.base import Config
from text_dedup.config.debug import DebugConfig
from text_dedup.config.io import LocalInputConfig, OutputConfig
from text_dedup.minhash import main as deduplicate


def main(corpus: str, folder: str, answer: str) -> None:
    Path(folder).mkdir(parents=True)
    os.chdir(folder)
    reading = {"path": "parquet", "data_files": corpus, "split": "train", "cache_dir": f"{folder}/cache"}
    algorithm = MinHashAlgorithmConfig(
        algorithm_name="minhash", text_column="text", num_perm=240, threshold=0.7, ngram_size=5, check_false_positive=True, num_proc=2
    )  # fmt: skip
    output = OutputConfig(output_dir=f"{folder}/kept")
    config = Config.model_construct(
        input=LocalInputConfig(read_arguments=reading), algorithm=algorithm, output=output, debug=DebugConfig()
    )
    deduplicate(config)
    kept = set(load_from_disk(output.output_dir)["id"])
    words = algorithm._get_tokenize_func()  # noqa: SLF001 - its own words, which it shows nowhere else
    removed = [
        row["id"]
        for batch in pq.ParquetFile(corpus).iter_batches(5_000, columns=["id", "text"])
        for row in batch.to_pylist()
        if row["id"] not in kept and len(words(row["text"])) >= algorithm.min_length
    ]
    Path(answer).write_text(json.dumps({"removed": dict.fromkeys(removed)}), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
