"""Deduplication on real revisions of real pages, and on paraphrases that must stay apart."""

from __future__ import annotations

import gzip
import json

import pyarrow as pa
import pytest

from pipeline.dedup.audit import audit
from pipeline.dedup.evaluate import deduplicate, score, true_pairs
from pipeline.dedup.plan import derive
from pipeline.settings import Dedup

DEFAULTS = Dedup()
PLAN = derive(DEFAULTS.threshold, DEFAULTS.recall)


def run(ids, texts):
    return deduplicate(
        ids,
        texts,
        PLAN,
        threshold=DEFAULTS.threshold,
        shingling=DEFAULTS.shingling,
        seed=DEFAULTS.seed,
        max_bucket=DEFAULTS.max_bucket,
    )


@pytest.fixture(scope="module")
def revisions(shared):
    folder = shared / "data" / "near_duplicates" / "revisions_18f"
    with gzip.open(folder / "docs.jsonl.gz", "rt", encoding="utf-8") as lines:
        documents = [json.loads(line) for line in lines]
    pairs = [json.loads(line) for line in (folder / "pairs.jsonl").read_text(encoding="utf-8").splitlines()]
    return [d["id"] for d in documents], [d["text"] for d in documents], pairs


@pytest.fixture(scope="module")
def truth(revisions):
    ids, texts, _ = revisions
    return true_pairs(ids, texts, DEFAULTS.threshold, DEFAULTS.shingling)


@pytest.fixture(scope="module")
def found(revisions):
    ids, texts, _ = revisions
    return run(ids, texts)


def removed(ids, result):
    return [name for name, survivor in zip(ids, result.survivor.to_pylist(), strict=True) if survivor is not None]


def test_the_definition_of_similarity_is_the_data_sets(revisions, truth):
    """The set's own figures come from another program; it rounds to four digits."""
    _, _, pairs = revisions
    ours = {frozenset((a, b)): value for a, b, value in truth}
    stated = {frozenset((p["a"], p["b"])): p["jaccard_w5"] for p in pairs if p["jaccard_w5"] >= DEFAULTS.threshold}
    assert len(stated) == 275
    assert all(ours[pair] == pytest.approx(value, abs=1e-4) for pair, value in stated.items())


def test_recall_and_precision(revisions, truth, found):
    ids, _, pairs = revisions
    gone = removed(ids, found)
    stated = score(len(ids), gone, [(p["a"], p["b"], p["jaccard_w5"]) for p in pairs], DEFAULTS.threshold)
    assert stated.pairs == 275
    assert stated.recall.share >= 0.99
    every = score(len(ids), gone, truth, DEFAULTS.threshold)
    assert every.recall.share >= 0.99
    assert every.precision.share == 1.0
    assert every.removed >= 150


def test_each_removed_one_has_a_true_survivor_that_stays(revisions, truth, found):
    ids, _, _ = revisions
    ours = {frozenset((a, b)): value for a, b, value in truth}
    gone = set(removed(ids, found))
    for name, survivor, value in zip(ids, found.survivor.to_pylist(), found.similarity.to_pylist(), strict=True):
        if survivor is not None:
            assert survivor not in gone
            assert ours[frozenset((name, survivor))] == value


def test_pages_that_only_share_their_template_stay_apart(revisions, found):
    ids, _, pairs = revisions
    apart = {frozenset((p["a"], p["b"])) for p in pairs if p["jaccard_w5"] < DEFAULTS.threshold}
    assert len(apart) == 976
    survivor = dict(zip(ids, found.survivor.to_pylist(), strict=True))
    assert not any(frozenset((name, other)) in apart for name, other in survivor.items() if other is not None)


def test_the_audit_finds_what_the_stage_would_remove_and_nothing_afterwards(revisions, truth, found):
    ids, texts, _ = revisions
    before = audit(ids, texts, [(ids, texts)], DEFAULTS.threshold, DEFAULTS.shingling)
    assert {twin.document_id for twin in before.twins} == {name for a, b, _ in truth for name in (a, b)}
    gone = set(removed(ids, found))
    rest = [(name, text) for name, text in zip(ids, texts, strict=True) if name not in gone]
    names, left = (pa.array(column, pa.large_string()) for column in zip(*rest, strict=True))
    after = audit(names, left, [(names, left)], DEFAULTS.threshold, DEFAULTS.shingling)
    assert after.share <= 0.01


def test_the_three_levels_of_an_article_are_three_documents(shared):
    """The levels are paraphrases. The set holds the middle one twice for each article, and these two may be one."""
    with gzip.open(shared / "data" / "quality" / "onestopenglish" / "data.jsonl.gz", "rt", encoding="utf-8") as lines:
        documents = [json.loads(line) for line in lines]
    ids = [f"{row:03}" for row in range(len(documents))]
    found = run(ids, [document["text"] for document in documents])
    merged = [
        (documents[row], documents[int(survivor)])
        for row, survivor in enumerate(found.survivor.to_pylist())
        if survivor is not None
    ]
    assert len(documents) == 756
    assert 100 < len(merged) < 189
    assert [a["id"] for a, b in merged if a["level"] != b["level"]] == []
    # Three texts are filed under two titles.
    assert len({a["id"] for a, b in merged if a["title"] != b["title"]}) <= 5
