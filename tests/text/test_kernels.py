from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numba
import pytest

import pipeline
from pipeline.text import characters, kernels, measures, measures_fill, measures_scan
from pipeline.text.hashing import mix32
from pipeline.text.minhash import _sign

PROGRAM = "import pyarrow as pa; from pipeline.text.minhash import signatures; from pipeline.text.shingling import Shingling; print(signatures(pa.array(['a b']), 2, Shingling(1), 1).values)"


def test_the_cache_lies_in_a_folder_of_this_version():
    functions = (mix32, _sign, characters.step, measures._measure, measures_fill.fill_words, measures_scan.scan)
    folders = {Path(function.stats.cache_path).parent for function in functions}
    assert {folder.name for folder in folders} == {f"kernels-{kernels.sources_digest()[:16]}"}
    assert numba.config.CACHE_DIR == "", "other packages keep their own place"


@pytest.mark.slow
def test_a_change_in_one_file_reaches_the_kernels_of_another(tmp_path):
    shutil.copytree(Path(pipeline.__file__).parent, tmp_path / "pipeline", ignore=shutil.ignore_patterns("__pycache__"))

    def run():
        return subprocess.run(
            [sys.executable, "-c", PROGRAM], cwd=tmp_path, check=True, capture_output=True, text=True
        ).stdout

    before = run()
    assert run() == before
    file = tmp_path / "pipeline" / "text" / "hashing.py"
    file.write_text(file.read_text().replace("0x85EBCA6B", "0x85EBCA6D"))
    assert run() != before
