"""What the near-duplicate benchmark measures with: its corpus is the same each time, its truth is exact, its sums are right."""

from __future__ import annotations

import json
import random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks import dedup_corpus
from benchmarks.debian_documents import cut, plain
from benchmarks.dedup_corpus import Corpus, edit, write
from benchmarks.dedup_peers import judge
from benchmarks.dedup_peers_ours import surviving, unaccounted
from benchmarks.dedup_truth import Truth, true_pairs, truth


def pool(folder, count=80):
    texts = [" ".join(f"w{(i * 7 + j) % 997}" for j in range(40)) for i in range(count)]
    table = pa.table({"text": pa.array(texts, pa.large_string())}).replace_schema_metadata({"packages": '["a_1_all"]'})
    pq.write_table(table, folder / "pool.parquet")
    return folder / "pool.parquet"


def test_the_same_packages_give_the_same_corpus(tmp_path):
    first = write(100, pool(tmp_path), tmp_path / "a.parquet")
    assert write(100, tmp_path / "pool.parquet", tmp_path / "b.parquet") == first
    made = pq.read_table(tmp_path / "a.parquet")
    assert made.equals(pq.read_table(tmp_path / "b.parquet"))
    texts = dict(zip(made["id"].to_pylist(), made["text"].to_pylist(), strict=True))
    copies = [row for row in made.to_pylist() if row["copy_of"]]
    assert (len(texts), len(copies)) == (100, 24)
    assert all(
        (texts[row["copy_of"]] == row["text"]) == (row["edits"] == 0) for row in copies if row["edits"] in {0, 0.3}
    )


def test_a_corpus_is_never_padded(tmp_path):
    with pytest.raises(SystemExit, match="hold 80"):
        write(200, pool(tmp_path), tmp_path / "a.parquet")


def test_edits_change_as_many_words_as_they_say():
    text = " ".join(["word"] * 10_000)
    changed = edit(text, 0.1, ["other"], random.Random(1)).split(" ")
    assert 900 < changed.count("other") + changed.count("") < 1_100
    assert edit(text, 0.0, ["other"], random.Random(1)) == text


def test_markup_goes_and_documents_have_the_drawn_length():
    assert plain("a.html", "<head>x</head><p>one &amp; two</p>three").split() == ["one", "&", "two", "three"]
    assert plain("usr/share/man/man1/a.1.gz", ".TH A 1\n.SH NAME\n\\fBls\\fR \\- list\n").split() == [
        "A",
        "1",
        "ls",
        "-",
        "list",
    ]
    found = list(cut("\n\n".join(["x" * 400] * 40), random.Random(1)))
    assert len(found) > 3
    assert all(700 <= len(text) <= 3_200 + 402 for text in found)


def test_quality_is_counted_in_pairs_and_in_documents(tmp_path):
    known = Truth(*(pa.array(column).to_numpy() for column in ([0, 2, 4, 6], [1, 3, 5, 7], [0.9, 0.85, 0.75, 0.5])))
    pq.write_table(pa.table(known._asdict()), tmp_path / "c.plain_words.truth.parquet")
    nearer = known._replace(similarity=known.similarity + 0.1)
    for words in ("standard_words", "words"):
        pq.write_table(pa.table(nearer._asdict()), tmp_path / f"c.{words}.truth.parquet")
    made = Corpus(tmp_path / "c.parquet", 10, 0, "")
    found = judge(made, {1: 0, 5: 4, 7: 6, 9: 8})
    assert found["\\w+"].recall == (0.5, 2 / 3)
    assert found["\\w+"].precision == (0.5, 0.75)
    assert found["UAX #29"].recall == (2 / 3, 2 / 3)
    assert surviving(known, {1: 0}, 0.8).tolist() == [1]
    # 3 goes for one that goes itself, 5 for one that is not near enough, 9 for one that is no true partner; 1 is right.
    assert unaccounted(known, {1: 0, 3: 2, 2: 3, 5: 4, 9: 8}, 0.8) == [3, 2, 5, 9]
    assert unaccounted(known, {1: 0, 5: 4}, 0.7) == []


def test_caches_are_read_back(tmp_path, monkeypatch):
    monkeypatch.setattr(dedup_corpus, "pool", pool)
    made = dedup_corpus.corpus(50, tmp_path)
    assert dedup_corpus.corpus(50, tmp_path) == made
    assert json.loads(made.file.with_suffix(".json").read_text())["packages"] == ["a_1_all"]


@pytest.mark.slow  # compiles for a quarter of a minute
def test_the_truth_is_every_pair_and_no_other(tmp_path):
    drawn = random.Random(3)
    vocabulary = [f"w{i}" for i in range(40)]
    texts = [" ".join(drawn.choice(vocabulary) for _ in range(drawn.randint(0, 30))) for _ in range(60)]
    for _ in range(140):
        texts.append(edit(drawn.choice(texts), 0.05, vocabulary, drawn))

    def grams(text):
        words = text.split()
        return {tuple(words[i : i + 5]) for i in range(max(len(words) - 4, min(len(words), 1)))}

    sets = [grams(text) for text in texts]
    expected = {
        (i, j): len(sets[i] & sets[j]) / len(sets[i] | sets[j])
        for j in range(len(texts))
        for i in range(j)
        if sets[i] and 2 * len(sets[i] & sets[j]) >= len(sets[i] | sets[j])
    }
    found = true_pairs(texts)
    assert len(expected) > 100
    assert {(int(a), int(b)): value for a, b, value in zip(*found, strict=True)} == expected
    pq.write_table(pa.table({"text": texts}), tmp_path / "c.parquet")
    assert truth(tmp_path / "c.parquet").similarity.tolist() == found.similarity.tolist()
