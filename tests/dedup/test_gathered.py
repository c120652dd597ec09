from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from hypothesis import given
from hypothesis import strategies as st

from pipeline.dedup.exact import exact_keys
from pipeline.dedup.gathered import gathered, pieces_here
from pipeline.text.shingles import shingle_sets
from pipeline.text.shingling import Shingling

TEXTS = st.lists(st.text(st.sampled_from("ab 東?"), max_size=12), max_size=12)


@given(TEXTS, st.integers(1, 40))
def test_the_sets_are_those_of_the_rows_whatever_fits_at_once(texts, budget):
    array = pa.array(texts, pa.string())
    rows = np.arange(0, len(texts), 2)
    asked = []

    def read(wanted):
        asked.append(wanted.tolist())
        return array.take(pa.array(wanted))

    characters = np.array([len(texts[row]) for row in rows], np.int64)
    wanted = pc.utf8_upper(array.take(pa.array(rows)))
    expected = shingle_sets(wanted, Shingling(2))
    with gathered(pieces_here(read, rows, characters, Shingling(2), budget, pc.utf8_upper)) as found:
        assert found.sets.hashes.tolist() == expected.hashes.tolist()
        assert found.sets.offsets.tolist() == expected.offsets.tolist()
        assert found.keys.tolist() == exact_keys(wanted).tolist()
    assert [row for part in asked for row in part] == rows.tolist()
    assert all(len(part) <= 1 or sum(len(texts[row]) for row in part) <= budget for part in asked)


def test_nothing_but_hashes_is_laid_aside(monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    array = pa.array(["secret words here", "secret words there"])
    read = pieces_here(lambda rows: array.take(pa.array(rows)), np.arange(2), np.array([17, 18]), Shingling(1), 1)
    with gathered(read) as found:
        sets = found.sets
        assert list(tmp_path.iterdir()) == []  # no name, so nothing is left behind by a process that is killed
        assert b"secret" not in sets.hashes.tobytes()
        assert len(sets.hashes) == 6
