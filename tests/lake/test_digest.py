"""The corpus' digest: order, files and batches do not matter; every stated column of every row does."""

from __future__ import annotations

import hashlib
import struct

import pyarrow as pa
import pytest
from batches import document, documents
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import ContractViolation
from pipeline.lake.digest import DIGESTED, CorpusDigest

ROWS = [document(f"word {i}") for i in range(7)]


def digest_of(*parts: list[dict]) -> str:
    digest = CorpusDigest()
    for part in parts:
        digest.add(documents(part))
    return digest.hexdigest()


def reference(rows: list[dict]) -> str:
    """The definition, number by number."""
    state = [0] * 1024
    for row in rows:
        parts = []
        for name in DIGESTED:
            value = row[name]
            if isinstance(value, float):
                value = str(struct.unpack("<i", struct.pack("<f", value + 0.0))[0])
            parts.append("-" if value is None else f"{len(value.encode())}:{value}")
        vector = hashlib.shake_128(",".join(parts).encode()).digest(2048)
        for i in range(1024):
            state[i] = (state[i] + vector[2 * i] + 256 * vector[2 * i + 1]) % 65536
    packed = b"".join(number.to_bytes(2, "little") for number in state)
    return hashlib.sha256(len(rows).to_bytes(8, "big") + packed).hexdigest()


@pytest.mark.parametrize(
    "rows",
    [
        [],
        ROWS,
        [document("a", uri=None, license=None, language=None, quality_score=None, lineage=None)],
        [document("\0 \u202e \U0001f600 é")],
        [document("long", uri="u" * 5_000_000)],
        [document("a", quality_score=-0.0)],
    ],
)
def test_equals_the_definition(rows):
    assert digest_of(rows) == reference(rows)


def test_minus_zero_is_zero():
    assert digest_of([document("a", quality_score=-0.0)]) == digest_of([document("a", quality_score=0.0)])


@given(order=st.permutations(ROWS), cut=st.integers(0, 7))
@settings(max_examples=25)
def test_order_and_parts_do_not_matter(order, cut):
    assert digest_of(order[:cut], order[cut:]) == digest_of(ROWS)


@given(removed=st.sets(st.integers(0, 6)))
@settings(max_examples=25)
def test_removing_undoes_adding(removed):
    digest = CorpusDigest()
    digest.add(documents(ROWS))
    digest.remove(documents([ROWS[i] for i in sorted(removed)]))
    assert digest.hexdigest() == digest_of([row for i, row in enumerate(ROWS) if i not in removed])


@pytest.mark.parametrize("column", [name for name in DIGESTED if name != "quality_score"])
def test_every_column_counts_and_null_is_not_empty(column):
    changed = [document("a", **{column: value}) for value in ("", "x")]
    seen = {digest_of([row]) for row in [document("a"), *changed]}
    if column not in {"document_id", "published_digest", "source", "source_kind"}:
        seen.add(digest_of([document("a", **{column: None})]))
        assert len(seen) == 4
    else:
        assert len(seen) == 3


def test_the_score_counts():
    assert digest_of([document("a", quality_score=0.5000001)]) != digest_of([document("a")])
    assert digest_of([document("a", quality_score=None)]) != digest_of([document("a", quality_score=0.0)])


def test_columns_cannot_be_shifted_into_one_another():
    one, other = document("a", source="ab", source_kind="c"), document("a", source="a", source_kind="bc")
    comma = document("a", source="a,1:b", source_kind="c"), document("a", source="a", source_kind="b,1:c")
    assert len({digest_of([row]) for row in (one, other, *comma)}) == 4


def test_values_cannot_be_swapped_between_rows():
    a, b = document("a"), document("b")
    swapped = [{**a, "uri": b["uri"]}, {**b, "uri": a["uri"]}]
    assert digest_of([a, b]) != digest_of(swapped)


def test_the_batch_and_the_text_column_are_not_in_it():
    # The text is in it by its own digest.
    assert digest_of([document("a", batch_id="other")]) == digest_of([document("a")])


def test_a_row_that_comes_65536_times_does_not_vanish():
    digest, empty = CorpusDigest(), CorpusDigest()
    table = documents([document("a")])
    many = pa.concat_tables([table] * 4096)
    for _ in range(16):
        digest.add(many)
    assert (digest.state == empty.state).all()
    assert digest.hexdigest() != empty.hexdigest()


def test_the_state_survives_its_text_form():
    digest = CorpusDigest()
    digest.add(documents(ROWS))
    again = CorpusDigest.from_text(digest.to_text(), digest.rows)
    again.add(documents([document("more")]))
    assert again.hexdigest() == digest_of([*ROWS, document("more")])


def test_a_short_state_is_refused():
    with pytest.raises(ContractViolation, match="2048 bytes"):
        CorpusDigest.from_text("AAAA", 0)


def test_nan_is_refused():
    with pytest.raises(ContractViolation, match="NaN"):
        digest_of([document("a", quality_score=float("nan"))])
