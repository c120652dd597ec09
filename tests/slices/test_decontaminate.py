from __future__ import annotations

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from pipeline.settings import Validation
from pipeline.slices.benchmarks import Item, load_items
from pipeline.slices.decontaminate import MAX_ITEMS, ItemIndex, index_of
from pipeline.slices.evaluate import evaluate
from pipeline.text.shingles import shingles
from pipeline.text.shingling import Shingling

SLICES = Validation().benchmark_slices
WORDS = st.sampled_from(["lock", "gate", "boat", "river", "keeper", "rope", "weir"])


def hits(items: list[Item], texts: list[str], size: int = 13) -> list[tuple[str, int] | None]:
    found = ItemIndex.build(items, size).find(pa.array(texts, pa.string()))
    return [None if hit is None else tuple(hit) for hit in found]


ITEM = Item("reasoning", "r1", "one two three four five six seven eight nine ten eleven twelve thirteen fourteen")


def test_a_text_that_quotes_an_item_is_found_whatever_its_case_and_punctuation() -> None:
    quoted = "Before. ONE, two; three four five six seven eight nine ten eleven twelve thirteen - fourteen! After."
    assert hits([ITEM], [quoted]) == [("reasoning:r1", 2)]


def test_twelve_words_in_a_row_are_not_enough() -> None:
    twelve = "one two three four five six seven eight nine ten eleven twelve"
    assert hits([ITEM], [twelve, f"x {twelve} y"]) == [None, None]


def test_a_short_item_counts_with_all_its_words_and_a_shorter_one_not_at_all() -> None:
    short = Item("s", "8", "a short item of just eight words here")
    shorter = Item("s", "7", "an item of just seven words here")
    index = ItemIndex.build([short, shorter], 13)
    assert index.too_short == 1
    texts = pa.array(["so: a short item of just eight words here it is", "so: an item of just seven words here it is"])
    assert [hit and hit.item for hit in index.find(texts)] == ["s:8", None]


def test_a_template_that_many_items_share_is_no_item() -> None:
    template = "please answer the following question with yes or no and explain the reason briefly"
    items = [Item("s", str(i), f"{template} item number {i} asks about thing{i}") for i in range(MAX_ITEMS + 1)]
    found = hits(items, [f"Form letter: {template}.", f"{template} item number 3 asks about thing3"])
    assert found[0] is None
    assert found[1] is not None
    assert found[1][0] == "s:3"


def test_the_item_with_most_shingles_is_named() -> None:
    other = Item(
        "s", "o", "one two three four five six seven eight nine ten eleven twelve thirteen and no more than that"
    )
    assert hits([other, ITEM], [ITEM.text]) == [("reasoning:r1", 2)]


@given(
    st.lists(st.lists(WORDS, min_size=1, max_size=30).map(" ".join), max_size=6),
    st.lists(WORDS, min_size=8, max_size=20),
)
def test_it_equals_the_plain_definition(texts: list[str], item: list[str]) -> None:
    size = min(13, len(item))
    wanted = shingles(" ".join(item), Shingling(size))
    plain = [len(shingles(text, Shingling(size)) & wanted) for text in texts]
    found = ItemIndex.build([Item("s", "i", " ".join(item))], 13).find(pa.array(texts, pa.string()))
    assert [hit.shingles if hit else 0 for hit in found] == plain


def test_the_built_in_items_find_themselves_and_nothing_in_the_pythons_own_help() -> None:
    from pydoc_data.topics import topics

    index = index_of(SLICES, 13)
    items = load_items(SLICES)
    rows = [{"text": f"Quoted: {item.text} End.", "item": item.name} for item in items]
    rows += [{"text": text, "item": None} for text in topics.values()]
    figures = evaluate(rows, index)
    assert (figures.recall.share, figures.precision.share, figures.right_item.share) == (1, 1, 1)
    assert figures.contaminated == 60
