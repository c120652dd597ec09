"""The kernel finds the passages that the definition finds, with equal hashes for equal ones."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.text.lines import normal_line, passages, plain_passages

TEXT = st.text(st.sampled_from("aBé東\n\t \u3000\r|"), max_size=60) | st.text(max_size=40)


def found(texts: list[str], least: int) -> list[list[tuple[int, int, int]]]:
    result = passages(pa.array(texts, pa.string()), least)
    rows: list[list[tuple[int, int, int]]] = [[] for _ in texts]
    for text, value, start, end in zip(*(column.tolist() for column in result), strict=True):
        rows[text].append((value, start, end))
    return rows


@given(st.lists(TEXT, max_size=6), st.integers(1, 12))
def test_the_kernel_is_the_definition(texts: list[str], least: int) -> None:
    plain = [plain_passages(text, least) for text in texts]
    kernel = found(texts, least)
    assert [[(start, end) for _, start, end in row] for row in kernel] == [
        [(start, end) for _, start, end in row] for row in plain
    ]
    values: dict[tuple[bool, str], int] = {}
    for row, expected in zip(kernel, plain, strict=True):
        for (value, _, _), (normal, _, _) in zip(row, expected, strict=True):
            assert values.setdefault(("\n" in normal, normal), value) == value
    assert len(set(values.values())) == len(values)


def test_a_slice_of_an_array_and_large_strings_give_the_same() -> None:
    texts = ["one line\n", "two\nlines here\n\nand more", "", "ß" * 3_000 + "\n" + "x\n" * 3_000]
    expected = found(texts, 4)
    for kind in (pa.string(), pa.large_string()):
        array = pa.array(["before", *texts, "behind"], kind).slice(1, 4)
        result = passages(array, 4)
        assert [int((result.texts == i).sum()) for i in range(4)] == [len(row) for row in expected]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Home\nNews\n\nA story.\n", [("Home\nNews", 0, 10), ("A story.", 11, 20)]),
        ("Home\nNews", [("Home\nNews", 0, 9)]),
        ("A line of its own", [("A line of its own", 0, 17)]),
        ("", []),
        ("\n\n \n", []),
    ],
)
def test_lines_and_paragraphs(text: str, expected: list[tuple[str, int, int]]) -> None:
    assert plain_passages(text, 5) == expected


def test_white_space_does_not_count() -> None:
    assert normal_line("\u3000 a \t b\r") == "a b"
