from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pipeline.bias.retention import MIN_DOCUMENTS, Tally, merge, report, smallest_ratio

ROW = st.tuples(
    st.sampled_from(["web", "social"]),
    st.sampled_from(["en", "de", None]),
    st.one_of(st.none(), st.lists(st.sampled_from(["gender:women", "age:old"]), unique=True)),
    st.booleans(),
)


def tally(rows: list[tuple[str, str | None, list[str] | None, bool]]) -> Tally:
    result = Tally()
    columns = list(zip(*rows, strict=True)) if rows else [(), (), (), ()]
    result.add(*columns)  # type: ignore[arg-type] # columns of the rows above
    return result


@given(st.lists(ROW, max_size=60), st.integers(0, 60))
def test_the_shards_sum_up_to_the_batch(rows: list[tuple[str, str | None, list[str] | None, bool]], cut: int) -> None:
    assert merge([tally(rows[:cut]).to_json(), tally(rows[cut:]).to_json()]) == tally(rows)


@given(st.lists(ROW, max_size=60))
def test_every_document_is_counted_once_a_source(rows: list[tuple[str, str | None, list[str] | None, bool]]) -> None:
    lines = {line["value"]: line for line in report(tally(rows))}
    assert sum(line["before"] for value, line in lines.items() if value.startswith("source:")) == len(rows)
    assert sum(line["kept"] for value, line in lines.items() if value.startswith("source:")) == sum(r[3] for r in rows)
    assert all(line["lower"] <= line["retention"] <= line["upper"] for line in lines.values())


def test_a_group_that_loses_more_than_the_batch_has_a_small_ratio() -> None:
    rows = [("web", "en", ["gender:women"], i < 10) for i in range(MIN_DOCUMENTS + 10)]
    rows += [("web", "en", [], True) for _ in range(60)]
    lines = {line["value"]: line for line in report(tally(rows))}
    assert lines["gender:women"]["ratio"] == (10 / 40) / (70 / 100)
    assert smallest_ratio(list(lines.values())) == lines["gender:women"]["ratio"]


def test_a_rare_group_has_no_ratio_and_sources_do_not_decide() -> None:
    rows = [("web", "en", ["age:old"], False)] * (MIN_DOCUMENTS - 1) + [("social", "en", [], True)] * 40
    lines = report(tally(rows))
    assert next(line for line in lines if line["value"] == "age:old")["ratio"] is None
    assert smallest_ratio(lines) == 1.0
