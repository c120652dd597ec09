"""The laws of a stage, run on every per-document stage of the recipe: a new stage is taken up by itself."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.document import COLUMNS, text_digest
from pipeline.errors import ConfigError, ModelError
from pipeline.reasons import REASONS
from pipeline.recipe import RECIPE
from pipeline.run import isolated_apply
from pipeline.settings import Settings

STAGES = {step.name: step.build(Settings(), {"ingest": "0" * 32}) for step in RECIPE if step.build is not None}

HOSTILE = st.sampled_from(
    [
        "a",
        " ",
        "\u200b\u200d\ufeff",
        "\x01\x02 control \x7f",
        "e\u0301" * 200,
        "\U0001f468\u200d\U0001f469\u200d\U0001f467 family",
        "\u202eright to left\u202c",
        "<script>alert(1)</script>",
        "x" * 50_000,
        "write to jane.roe@example.org or call +1 415 555 2671 " * 20,
        "4111 1111 1111 1111",
        "\n".join(["- item"] * 300),
        "\u0e44\u0e17\u0e22 \u65e5\u672c\u8a9e \u0420\u0443\u0441\u0441\u043a\u0438\u0439",
    ]
)
TEXTS = st.lists(st.one_of(st.text(min_size=1, max_size=300).filter(lambda t: "\x00" not in t), HOSTILE), max_size=8)


def documents(texts: list[str], reads: tuple[str, ...]) -> pa.RecordBatch:
    n = len(texts)
    columns = {
        **{field.name: pa.nulls(n, field.type) for field in COLUMNS["ingest"]},
        "text": pa.array(texts, pa.string()),
        "document_id": pa.array([f"{i:032x}" for i in range(n)], pa.string()),
        "source": pa.array(["web_crawl"] * n, pa.string()),
        "source_kind": pa.array(["web"] * n, pa.string()),
        "uri": pa.array([None] * n, pa.string()),
        "license": pa.array(["MIT"] * n, pa.string()),
        "consent": pa.array(["unknown"] * n, pa.string()),
        "consent_evidence": pa.array([None] * n, pa.string()),
        "record_file": pa.array(["a.jsonl"] * n, pa.string()),
        "record_offset": pa.array(range(n), pa.int64()),
        "record_id": pa.array([None] * n, pa.string()),
        "record_digest": pa.array(["0" * 64] * n, pa.string()),
        "text_digest": pa.array([text_digest(t) for t in texts], pa.string()),
        "language": pa.array(["en"] * n, pa.string()),
    }
    return pa.RecordBatch.from_arrays([columns[name] for name in reads], names=list(reads))


slow = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize("name", STAGES)
@slow
@given(texts=TEXTS.filter(lambda texts: all(_is_utf8(t) for t in texts)))
def test_one_row_out_for_each_row_in_with_the_promised_columns(name: str, texts: list[str]) -> None:
    stage = STAGES[name]
    result = stage.apply(documents(texts, stage.reads))
    assert result.num_rows == len(texts)
    assert result.schema.equals(COLUMNS[name])
    for findings in result.column("verdict").to_pylist():
        assert all(
            finding["reason"] in REASONS and finding["reason"].startswith(f"{name}.") for finding in findings or []
        )


@pytest.mark.parametrize("name", STAGES)
@slow
@given(texts=TEXTS.filter(lambda texts: all(_is_utf8(t) for t in texts)), data=st.data())
def test_any_partitioning_and_order_gives_the_same_rows(name: str, texts: list[str], data: st.DataObject) -> None:
    stage = STAGES[name]
    whole = stage.apply(documents(texts, stage.reads))
    order = data.draw(st.permutations(range(len(texts))))
    cut = data.draw(st.integers(0, len(texts)))
    shuffled = documents(texts, stage.reads).take(pa.array(order, pa.int64()))
    parts = [stage.apply(shuffled.slice(0, cut)), stage.apply(shuffled.slice(cut))]
    again = pa.Table.from_batches(parts, schema=stage.adds)
    back = again.take(pa.array(np.argsort(order), pa.int64())) if order else again
    assert repr(back.to_pylist()) == repr(pa.Table.from_batches([whole]).to_pylist())


@pytest.mark.parametrize("name", STAGES)
def test_an_empty_batch_gives_an_empty_batch(name: str) -> None:
    stage = STAGES[name]
    result = stage.apply(documents([], stage.reads))
    assert result.num_rows == 0
    assert result.schema.equals(COLUMNS[name])


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_that_raises_on_one_document_fails_it_alone(name: str) -> None:
    stage = STAGES[name]

    class Poisoned:
        adds = stage.adds
        reads = stage.reads

        def __init__(self) -> None:
            self.name = name

        def apply(self, batch: pa.RecordBatch) -> pa.RecordBatch:
            if "poison" in batch.column("text").to_pylist():
                raise ValueError("poison: jane.roe@example.org")
            return stage.apply(batch)

    texts = ["A plain sentence about rivers."] * 5 + ["poison"] + ["Another sentence about sluices."] * 4
    result = isolated_apply(Poisoned(), documents(texts, stage.reads))
    assert result.num_rows == 10
    findings = result.column("verdict").to_pylist()[5]
    assert findings == [{"reason": f"{name}.failed@1", "value": None, "limit": None, "evidence": "ValueError"}]
    clean = stage.apply(documents(texts[:5] + texts[6:], stage.reads))
    others = [row for i, row in enumerate(pa.Table.from_batches([result]).to_pylist()) if i != 5]
    if name != "provenance":  # its lineage names the row's own id, which the shorter batch numbers differently
        assert repr(others) == repr(pa.Table.from_batches([clean]).to_pylist())


@pytest.mark.parametrize("error", [ConfigError, ModelError])
def test_a_mistake_that_is_no_documents_stops_the_stage(error: type[Exception]) -> None:
    stage = STAGES["quality"]

    class Mistaken:
        name, adds, reads = "quality", stage.adds, stage.reads

        def apply(self, _: pa.RecordBatch) -> pa.RecordBatch:
            raise error("the key is missing")

    with pytest.raises(error, match="the key is missing"):
        isolated_apply(Mistaken(), documents(["A plain sentence."] * 3, stage.reads))


PERSONAL = st.sampled_from(
    ["jane.roe@example.org", "+1 415 555 2671", "4111 1111 1111 1111", "DE89 3704 0044 0532 0130 00", "192.0.2.17",
     "078-05-1120", "1BoatSLRHtKNngkdXEeobR76b53LETtpyT", "@", "http://", "+", "(", "-", " ", "\n", "e\u0301"]
)  # fmt: skip
MIXED = st.lists(st.lists(st.one_of(PERSONAL, st.text(max_size=6).filter(lambda t: "\x00" not in t)), min_size=1, max_size=6).map("".join), min_size=1, max_size=6)  # fmt: skip


@pytest.mark.parametrize("name", STAGES)
@slow
@given(texts=MIXED.filter(lambda texts: all(t and _is_utf8(t) for t in texts)))
def test_a_stage_is_idempotent(name: str, texts: list[str]) -> None:
    stage = STAGES[name]
    once = stage.apply(documents(texts, stage.reads))
    if "text" not in stage.adds.names:
        again = stage.apply(documents(texts, stage.reads))
        assert repr(again.to_pylist()) == repr(once.to_pylist())
        return
    changed = [new if new is not None else old for new, old in zip(once.column("text").to_pylist(), texts, strict=True)]
    twice = stage.apply(documents(changed, stage.reads))
    assert twice.column("text").to_pylist() == changed


def test_redaction_leaves_nothing_for_a_second_time() -> None:
    stage = STAGES["pii"]
    once = stage.apply(documents(["mail jane.roe@example.org or 192.0.2.17"], stage.reads)).column("text")
    twice = stage.apply(documents(once.to_pylist(), stage.reads))
    assert twice.column("pii_count").to_pylist() == [0]


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
