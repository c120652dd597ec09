"""`find_duplicates` against a quadratic reference, its laws, and what it reads."""

from __future__ import annotations

import dataclasses

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pipeline.dedup.candidates import gather
from pipeline.dedup.exact import exact_keys
from pipeline.dedup.find import CONTAINED, EXACT, NEAR, find_duplicates
from pipeline.dedup.plan import derive
from pipeline.dedup.sides import DuplicatesInput, PublishedInput, Redaction, Rules
from pipeline.dedup.signatures import band_hashes
from pipeline.lake.release import Redacting
from pipeline.reasons import REASONS
from pipeline.text.shingles import shingles
from pipeline.text.shingling import Shingling

RULES = Rules(threshold=0.6, shingling=Shingling(2), max_bucket=1_000)
# Practically every pair at the threshold is a candidate (1 - 1e-6), so the reference may leave out the bands.
PLAN = derive(0.6, 0.999999, max_permutations=2_000)
NUMBER = r"\b\d{4}\b"


OURS = Redacting(looked_for="0" * 64, tokens="0" * 64)
FOREIGN = 2
"""The release whose documents were redacted in another way."""


def redact(texts, mark="[NUMBER]"):
    return pc.replace_substring_regex(texts, NUMBER, mark)


def common(texts):
    return pc.replace_substring_regex(texts, rf"{NUMBER}|\[NUMBER\]|\{{KEY\}}", "")


def compared(own, raw, release):
    """Return two texts of which the second was published, before either was redacted, as they are compared."""
    return (common if release == FOREIGN else redact)(pa.array([own, raw])).to_pylist()


def make_batch(ids, texts, ranks=None, read=None):
    array = pa.array(texts, pa.string())

    def reader(rows):
        if read is not None:
            read.extend(ids[row] for row in rows)
        return array.take(pa.array(rows))

    return DuplicatesInput(
        document_ids=pa.array(ids, pa.string()),
        source_rank=np.array(ranks if ranks is not None else [0] * len(ids), np.int64),
        characters=np.array([len(text) for text in texts], np.int64),
        exact=exact_keys(array),
        bands=band_hashes(array, PLAN, RULES.shingling, 1),
        texts=reader,
    )


def make_published(ids, texts, releases=None):
    array = pa.array(texts, pa.string())
    bands = band_hashes(array, PLAN, RULES.shingling, 1)
    rows = np.flatnonzero(bands.usable)
    releases = releases if releases is not None else [1] * len(ids)
    foreign = np.array(releases) == FOREIGN
    published = pc.if_else(pa.array(foreign), redact(array, "{KEY}"), redact(array))
    order = np.argsort(np.lexsort((np.array(ids), releases)))
    return PublishedInput(
        document_ids=pa.array(ids, pa.string()),
        releases=np.array(releases, np.int64),
        buckets=gather(bands.hashes[rows].ravel().view(np.uint64), np.repeat(rows, PLAN.bands), order),
        texts=lambda rows: published.take(pa.array(rows)),
        redaction=Redaction(OURS, redact, common, common),
        foreign=foreign,
        common=lambda rows: common(published.take(pa.array(rows))),
    )


def similarity(a, b):
    x, y = shingles(a, RULES.shingling), shingles(b, RULES.shingling)
    if " ".join(a.split()) == " ".join(b.split()):
        return 1.0, True
    return (len(x & y) / len(x | y) if x and y else 0.0), False


def reference(ids, texts, ranks, published):
    """Decide by comparing everything with everything, one document after the other in order of preference.

    A published document shares a bucket with the raw text it was made from, so only raw candidates are looked at.
    """
    order = sorted(range(len(ids)), key=lambda i: (ranks[i], -len(texts[i]), ids[i].encode()))
    result, stays = {}, []
    for i in order:
        near = []
        for name, raw, release in published:
            value, exact = similarity(*compared(texts[i], raw, release))
            if value >= RULES.threshold and similarity(texts[i], raw)[0] > 0 and shingles(texts[i], Shingling(2)):
                near.append((-value - exact, release, name, exact))
        if near:
            value, release, name, exact = min(near)
            result[ids[i]] = (name, release, min(-value, 1.0), EXACT if exact else NEAR)
    left = [i for i in order if ids[i] not in result]
    for i in left:
        found = [(*similarity(texts[i], texts[j]), j) for j in stays]
        found = [entry for entry in found if entry[0] >= RULES.threshold]
        exact = [entry for entry in found if entry[1]]
        if found:
            value, is_exact, j = exact[0] if exact else max(found, key=lambda entry: (entry[0], -order.index(entry[2])))
            result[ids[i]] = (ids[j], None, value, EXACT if is_exact else NEAR)
        else:
            stays.append(i)
    return result


def as_dict(ids, found):
    columns = zip(
        ids,
        found.survivor.to_pylist(),
        found.survivor_release.to_pylist(),
        found.similarity.to_pylist(),
        found.reason.to_pylist(),
        strict=True,
    )
    return {name: rest for name, *rest in columns if rest != [None] * 4}


WORDS = st.lists(st.sampled_from(["a", "b", "c", "d", "e", "1234", "5678", "é", "東"]), max_size=9)
TEXT = WORDS.map(" ".join) | WORDS.map("  ".join) | st.sampled_from(["", "?!", " ?!", "a b c d e", "A b c d e"])


@st.composite
def cases(draw):
    texts = draw(st.lists(TEXT, min_size=1, max_size=12))
    ids = draw(
        st.lists(st.text("abcé😀", min_size=1, max_size=4), min_size=len(texts), max_size=len(texts), unique=True)
    )
    ranks = draw(st.lists(st.integers(0, 2), min_size=len(texts), max_size=len(texts)))
    published = draw(st.lists(TEXT, max_size=4))
    releases = draw(st.lists(st.integers(1, 2), min_size=len(published), max_size=len(published)))
    return ids, texts, ranks, [(f"p{i}", text, r) for i, (text, r) in enumerate(zip(published, releases, strict=True))]


def run(case, rules=RULES):
    ids, texts, ranks, published = case
    side = make_published(*zip(*published, strict=True)) if published else None
    return find_duplicates(make_batch(ids, texts, ranks), rules, side)


def shared_bucket_matters(case):
    """Whether a pair is similar after redaction but not before: the bands, made before, may not nominate it."""
    _, texts, _, published = case
    return any(
        similarity(*compared(text, raw, release))[0] >= RULES.threshold > similarity(text, raw)[0]
        for text in texts
        for _, raw, release in published
    )


@settings(max_examples=60)
@given(cases())
def test_equals_the_quadratic_reference(case):
    assume(not shared_bucket_matters(case))
    ids, texts, ranks, published = case
    assert as_dict(ids, run(case)) == {name: list(row) for name, row in reference(ids, texts, ranks, published).items()}


@settings(max_examples=50)
@given(cases())
def test_laws(case):
    ids, texts, _, published = case
    found = run(case)
    text_of = dict(zip(ids, texts, strict=True))
    published_text = {name: text for name, text, _ in published}
    gone = as_dict(ids, found)
    for name, (survivor, release, value, reason) in gone.items():
        assert reason in REASONS
        if release is None:
            assert survivor not in gone, "the survivor does not stay"
            pair = text_of[name], text_of[survivor]
        else:
            pair = compared(text_of[name], published_text[survivor], release)
        assert similarity(*pair) == (value, reason == EXACT)
        assert value >= RULES.threshold
    stays = [name for name in ids if name not in gone]
    for i, a in enumerate(stays):
        for b in stays[:i]:
            assert similarity(text_of[a], text_of[b])[0] < RULES.threshold, "two survivors are a pair"
    sizes = dict(zip(ids, found.cluster_size.tolist(), strict=True))
    for name in stays:
        assert sizes[name] == 1 + sum(row[:2] == [name, None] for row in gone.values())
    statistics = found.statistics
    assert statistics.documents == len(ids)
    assert statistics.exact_duplicates + statistics.near_duplicates == len(gone)
    assert statistics.duplicates_of_published == sum(row[1] is not None for row in gone.values())
    assert statistics.verified_pairs == len(found.verified.pairs) <= statistics.candidate_pairs


def held(part, whole):
    """Return which share of the shingles of one text another one holds."""
    x, y = shingles(part, RULES.shingling), shingles(whole, RULES.shingling)
    return len(x & y) / len(x) if x and y else 0.0


@settings(max_examples=50)
@given(cases())
def test_laws_of_containment(case):
    ids, texts, ranks, published = case
    # The bands nominate pairs from the threshold of `RULES` on.
    rules = dataclasses.replace(RULES, threshold=0.9, containment=0.75)
    found = run(case, rules)
    text_of = dict(zip(ids, texts, strict=True))
    order = sorted(range(len(ids)), key=lambda i: (ranks[i], -len(texts[i]), ids[i].encode()))
    place = {ids[i]: position for position, i in enumerate(order)}
    published_text = {name: text for name, text, _ in published}
    gone = as_dict(ids, found)
    shares = dict(zip(ids, found.contained.to_pylist(), strict=True))
    for name, (survivor, release, value, reason) in gone.items():
        pair = (text_of[name], text_of.get(survivor))
        if release is not None:
            pair = compared(text_of[name], published_text[survivor], release)
        assert release is not None or survivor not in gone
        if reason == CONTAINED:
            assert value < rules.threshold
            assert shares[name] == held(*pair) >= 0.75
        else:
            assert value >= rules.threshold
    stays = sorted((name for name in ids if name not in gone), key=place.__getitem__)
    for i, lower in enumerate(stays):
        for preferred in stays[:i]:
            if similarity(text_of[lower], text_of[preferred])[0] >= RULES.threshold:
                assert held(text_of[lower], text_of[preferred]) < 0.75, "a survivor holds another one"
    assert found.statistics.contained == sum(row[3] == CONTAINED for row in gone.values())


def test_a_part_goes_for_the_whole_only_if_that_is_asked_for():
    whole = "one two three four five six seven eight nine ten"
    case = (["a", "b"], [whole, "three four five six seven eight nine"], [0, 0], [])
    strict = dataclasses.replace(RULES, threshold=0.9)
    assert as_dict(case[0], run(case, strict)) == {}
    rules = dataclasses.replace(strict, containment=0.9)
    assert as_dict(case[0], run(case, rules)) == {"b": ["a", None, 6 / 9, CONTAINED]}
    assert as_dict(case[0], run((*case[:2], [1, 0], []), rules)) == {}, (
        "the preferred one is not dropped for a longer one"
    )


@settings(max_examples=40)
@given(cases(), st.randoms(), st.integers(1, 40))
def test_neither_row_order_nor_blocks_matter(case, random, block_characters):
    ids, texts, ranks, published = case
    rows = list(zip(ids, texts, ranks, strict=True))
    random.shuffle(rows)
    other = list(published)
    random.shuffle(other)
    moved = (*(list(column) for column in zip(*rows, strict=True)), other)
    small = Rules(RULES.threshold, RULES.shingling, RULES.max_bucket, block_characters)
    first, second = run(case), run(moved, small)
    assert as_dict(ids, first) == as_dict(moved[0], second)
    assert dict(zip(ids, first.cluster_size.tolist(), strict=True)) == dict(
        zip(moved[0], second.cluster_size.tolist(), strict=True)
    )
    assert first.statistics == second.statistics


LONG = " ".join(f"word{i}" for i in range(40))


def test_sums_with_other_numbers_are_two_documents():
    found = find_duplicates(make_batch(["a", "b"], ["12 + 30 = 42", "12 + 31 = 43"]), RULES)
    assert found.survivor.to_pylist() == [None, None]


def test_a_document_is_redacted_before_it_is_compared_with_a_published_one():
    secret = LONG.replace("word7 ", "1234 ")
    published = make_published(["p"], [secret], [3])
    found = find_duplicates(make_batch(["a", "b"], [secret, LONG]), RULES, published)
    assert found.survivor.to_pylist() == ["p", "p"]
    assert found.survivor_release.to_pylist() == [3, 3]
    assert found.reason.to_pylist() == [EXACT, NEAR]
    assert found.similarity.to_pylist()[0] == 1.0
    assert found.cluster_size.tolist() == [2, 2]


def test_what_was_redacted_otherwise_is_compared_without_what_differs_for_that():
    secret = LONG.replace("word7 ", "1234 ")
    side = make_published(["p", "q"], [secret, f"{secret} more"], [FOREIGN, 1])
    batch = make_batch(["a", "b", "c"], [secret, f"5678 {secret}", "1234 and no other word"])
    found = find_duplicates(batch, RULES, side)
    assert found.survivor.to_pylist() == ["p", "p", None]
    assert found.reason.to_pylist() == [EXACT, EXACT, None], "nobody can tell one number from another there"
    assert found.similarity.to_pylist() == [1.0, 1.0, None]


def test_a_group_follows_its_stand_in():
    # b and c are equal; b speaks for them and goes for the longer a, so c goes for a as well, as a near-duplicate.
    texts = [LONG + " and more", LONG, LONG.replace(" ", "\n")]
    found = find_duplicates(make_batch(["a", "b", "c"], texts), RULES)
    assert found.survivor.to_pylist() == [None, "a", "a"]
    assert found.reason.to_pylist() == [None, NEAR, NEAR]
    assert found.cluster_size.tolist() == [3, 3, 3]


def test_a_pair_at_the_very_threshold_is_one():
    # Three of five shingles: 0.6.
    first, second = "a b c d e", "a b c d f g"
    assert similarity(first, second)[0] == 0.5
    first, second = "a b c d", "a b c d e f"
    assert similarity(first, second)[0] == 0.6
    assert find_duplicates(make_batch(["a", "b"], [first, second]), RULES).survivor.to_pylist() == ["b", None]
    against = find_duplicates(make_batch(["a"], [first]), RULES, make_published(["p"], [second]))
    assert against.survivor.to_pylist() == ["p"]


def test_a_source_named_first_is_preferred():
    found = find_duplicates(make_batch(["a", "b"], [LONG, LONG], [1, 0]), RULES)
    assert found.survivor.to_pylist() == ["b", None]


def test_only_candidates_are_read():
    read = []
    texts = [LONG, LONG + " x", *(f"other{i} text{i} here{i} now{i}" for i in range(50))]
    ids = [f"d{i:02}" for i in range(len(texts))]
    find_duplicates(make_batch(ids, texts, read=read), RULES)
    assert sorted(read) == ["d00", "d01"]


def test_exact_copies_are_not_compared():
    read = []
    found = find_duplicates(make_batch([f"d{i:03}" for i in range(300)], [LONG] * 300, read=read), RULES)
    assert found.statistics.exact_duplicates == 299
    assert found.statistics.candidate_pairs == 0
    assert read == []


def test_capped_buckets_are_reported():
    texts = [f"{LONG} {'x' * i}" for i in range(1, 61)]
    batch = make_batch([f"d{i:02}" for i in range(60)], texts)
    found = find_duplicates(batch, Rules(0.6, Shingling(2), max_bucket=20))
    assert found.statistics.capped_buckets > 0
    assert found.statistics.capped_documents == 60
    assert found.statistics.near_duplicates == 59
    assert found.survivor.null_count == 1


def test_a_pair_just_below_the_threshold_is_remembered_by_the_one_that_would_have_gone():
    # 24 shingles, of which one loses 5 or 4 and the other gains as many: 19/29 = 0.655 and 20/28 = 0.714.
    words = [f"w{i}" for i in range(25)]
    far, close = " ".join([*words[:20], *"abcde"]), " ".join([*words[:21], *"fghi"])
    batch = make_batch(["a", "far", "close"], [f"{' '.join(words)} .", far, close])
    rules = Rules(threshold=0.75, shingling=Shingling(2), max_bucket=1_000)
    found = find_duplicates(batch, rules)
    assert found.survivor.null_count == 3
    assert found.near_miss.to_pylist() == [None, None, {"document_id": "a", "release": None, "similarity": 20 / 28}]
    # Published, it is the nearest one too; and one that goes has no near miss.
    against = find_duplicates(batch, rules, make_published(["p", "q"], [" ".join(words), far], [3, 4]))
    assert against.survivor.to_pylist() == ["p", "q", None]
    assert against.near_miss.to_pylist() == [None, None, {"document_id": "p", "release": 3, "similarity": 20 / 28}]


def test_an_empty_batch():
    found = find_duplicates(make_batch([], []), RULES, make_published(["p"], [LONG]))
    assert len(found.survivor) == len(found.reason) == len(found.near_miss) == len(found.cluster_size) == 0
    assert found.statistics.documents == 0


@pytest.mark.parametrize("texts", [["", ""], ["?!", " ?! "], ["\0", "\0"]])
def test_texts_without_words_are_duplicates_only_if_equal(texts):
    found = find_duplicates(make_batch(["a", "b", "c"], [*texts, "..."]), RULES)
    assert found.reason.null_count == 2
    assert set(found.reason.to_pylist()) == {None, EXACT}
    assert found.statistics.without_words == 3


def test_five_megabytes_in_one_line():
    big = "x" * 5_000_000
    found = find_duplicates(make_batch(["a", "b", "c"], [big, big + " y", big]), RULES)
    assert found.reason.to_pylist() == [None, None, EXACT]


def test_each_candidate_is_read_once_however_many_pairs_it_has():
    # Read block of pairs by block of pairs, a batch four times as large would read sixteen times as much.
    read = []
    texts = [f"{LONG} {i}" for i in range(12)]
    ids = [f"d{i:02}" for i in range(12)]
    tight = Rules(RULES.threshold, RULES.shingling, RULES.max_bucket, block_characters=2 * len(texts[0]) + 1)
    found = find_duplicates(make_batch(ids, texts, read=read), tight)
    assert found.statistics.verified_pairs == 66
    assert read == ids
