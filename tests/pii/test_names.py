"""Names: found in sentences, never in digits or code, only in a language that the model knows, and the same on any partitioning."""

from __future__ import annotations

import time

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.pii import names
from pipeline.pii.names import LABELS, covers, find_names, names_in
from pipeline.pii.names_carriers import made_texts
from pipeline.pii.names_train import A_NAME, A_WORD, LONE_PLACE, balanced, cluster_table, name_lists, train
from pipeline.pii.redact import redact
from pipeline.settings import Pii
from pipeline.text.tagging import clustered, code_points, described, read_tokens, stretches, tables, tokens
from tests.pii.fragments import hostile_texts

NAMED = Pii(names=True)
pieces = st.sampled_from(
    ["Anna Petersson", "Dr. Miller", "Paris", "in New Zealand", "12 Main Street\nApt. 3", "\u0301", "\U0001d54f", "x = Foo(Bar)", "\n\n", ". ", " "]
)  # fmt: skip
texts = st.lists(st.one_of(pieces, hostile_texts), max_size=8).map("".join)


def found(text: str) -> list[tuple[str, str]]:
    return [(hit.type, text[hit.start : hit.end]) for hit in names_in(text)]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("My name is Anna Petersson and I live in Stockholm.", [("PERSON", "Anna Petersson"), ("LOCATION", "Stockholm")]),
        ("Yesterday Maria Lopez flew from Madrid to Berlin.", [("PERSON", "Maria Lopez"), ("LOCATION", "Madrid"), ("LOCATION", "Berlin")]),
        ("Please send it to 221 Baker Street, London.", [("LOCATION", "221 Baker Street"), ("LOCATION", "London")]),
        ("Nothing here is anybody's name, and 1234567 is none either.", []),
        ("", []),
    ],
)  # fmt: skip
def test_what_is_found(text: str, wanted: list[tuple[str, str]]) -> None:
    assert found(text) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "def readLine(Self, Anna): return Berlin",
        "Foo.Bar(Anna_Petersson)",
        ">>> Anna.Miller = Paris",
        "C:\\Users\\Anna\\Paris /home/Anna/Paris",
        "4111 1111 1111 1111 and 2024-01-15 10:30:45",
        "#include <Anna.h>",
    ],
)
def test_digits_and_code_are_nobody(text: str) -> None:
    assert [kind for kind, _ in found(text) if kind == "PERSON"] == []


@given(texts)
@settings(max_examples=150, deadline=None, derandomize=True)
def test_laws(text: str) -> None:
    hits = list(names_in(text))
    last = 0
    for hit in hits:
        assert last <= hit.start < hit.end <= len(text)
        assert hit.type in {"PERSON", "LOCATION"}
        assert hit.type != "PERSON" or not any(character.isdigit() for character in text[hit.start : hit.end])
        last = hit.end
    [new], [spans] = (column.to_pylist() for column in redact(pa.array([text]), NAMED)[:2])
    assert [new[span["start"] : span["end"]] for span in spans] == [span["token"] for span in spans]


def test_a_row_does_not_depend_on_its_neighbours() -> None:
    rows = [row["text"] for row in made_texts(["Paris", "Norway"], ["Anna", "Tom"], ["Miller", "Petersson"], 1, 1)]
    whole = find_names(pa.array([*rows, None]), None)
    assert [whole.get(i, []) for i in range(len(rows))] == [list(names_in(text)) for text in rows]


def test_only_covered_languages_are_read() -> None:
    text = "My name is Anna Petersson."
    assert set(find_names(pa.array([text] * 5), ["en", "de", "en-GB", None, "und"])) == {0, 2}
    assert covers("en")
    assert not covers("eng")


def test_a_long_line_costs_its_share() -> None:
    piece = "On Monday Anna Petersson wrote to 1,234 people in Paris about (x, y) and so on. "

    def seconds(times: int) -> float:
        start = time.process_time()
        list(names_in(piece * times))
        return time.process_time() - start

    seconds(10)
    for _ in range(3):
        small, large = seconds(1_000), seconds(8_000)
        if large < 8 * 1.6 * small:
            return
    pytest.fail(f"8 times the text took {large / small:.1f} times as long")


def relabelled(text: str, *given: tuple[str, str]) -> list[tuple[str, str]]:
    """Return the names of a text whose first occurrences of `given` were taken for names of a kind, after what is done without the model."""
    codes = code_points(text)
    classes, small = tables()
    table = np.zeros(1 << 12, np.uint8)
    will = code_points("will")
    table[described(will, tokens(will, classes), classes, small)[0, 0] & np.uint32(len(table) - 1)] = names.MOSTLY_SMALL
    read = read_tokens(codes, table, np.zeros(1, np.uint16))
    rows = read.found
    labels = np.zeros(len(rows), np.int8)
    for kind, value in given:
        start = text.index(value)
        inside = np.flatnonzero((rows[:, 0] >= start) & (rows[:, 1] <= start + len(value)))
        labels[inside] = LABELS.index(f"I-{kind}")
        labels[inside[0]] = LABELS.index(f"B-{kind}")
    names._name_again(read, labels)
    names._number_before(rows, labels)
    return [(LABELS[label][2:], text[start:end]) for start, end, label in names._spans(rows, labels)]


@pytest.mark.parametrize(
    ("text", "given", "wanted"),
    [
        ("Ann Vell came. So Vell left.", [("PERSON", "Ann Vell")], [("PERSON", "Ann Vell"), ("PERSON", "Vell")]),
        ("Ann Vell came. Ann Vell left.", [("PERSON", "Ann Vell")], [("PERSON", "Ann Vell")] * 2),
        ("Ann Vell. Vell is a lake. At Vell it rains.", [("PERSON", "Ann Vell")], [("PERSON", "Ann Vell")]),  # more often something else
        ("Ann Vell. vell VELL", [("PERSON", "Ann Vell")], [("PERSON", "Ann Vell")]),  # other words
        ("Will Vell. Will he come?", [("PERSON", "Will Vell")], [("PERSON", "Will Vell")]),  # mostly written small
        ("Ann Vell, Vell Inc", [("PERSON", "Ann Vell"), ("ORGANIZATION", "Vell Inc")], [("PERSON", "Ann Vell"), ("ORGANIZATION", "Vell Inc")]),
        ("to 50668 12 Elm Road 3.", [("LOCATION", "Elm Road 3")], [("LOCATION", "50668 12 Elm Road 3")]),
        ("on 1-2 Elm Road 3, 123456 Elm", [("LOCATION", "Elm Road 3")], [("LOCATION", "Elm Road 3")]),  # glued to another sign
        ("since 123456 Elm Road 3", [("LOCATION", "Elm Road 3")], [("LOCATION", "Elm Road 3")]),  # too long
        ("in 1999 Velden", [("LOCATION", "Velden")], [("LOCATION", "Velden")]),  # no address
        ("Ann 12 Elm 3", [("PERSON", "Ann"), ("LOCATION", "Elm 3")], [("PERSON", "Ann"), ("LOCATION", "12 Elm 3")]),
    ],
)  # fmt: skip
def test_what_is_done_without_the_model(text, given, wanted) -> None:
    assert relabelled(text, *given) == wanted


def test_tokens_cover_all_that_is_no_space() -> None:
    text = "O'Neil\u00e9\u0301 42nd\u2028\U0001d54fy ,,\n\n x"
    rows = tokens(code_points(text), tables()[0]).tolist()
    assert [text[start:end] for start, end, *_ in rows] == [
        "O", "'", "Neil\u00e9\u0301", "42", "nd", "\U0001d54fy", ",", ",", "x",
    ]  # fmt: skip
    assert [gap for *_, gap in rows] == [3, 0, 0, 1, 0, 2, 1, 0, 3]


def test_made_texts_are_labelled_where_their_names_stand() -> None:
    names = {"LOCATION": "Velden", "PERSON": "Quill"}
    for row in made_texts([names["LOCATION"]], [names["PERSON"]], [names["PERSON"]], 3, 1):
        assert not {"{", "}", "[", "]"} & set(row["text"])
        last = 0
        for span in sorted(row["spans"], key=lambda one: one["start"]):
            value = row["text"][span["start"] : span["end"]]
            assert last <= span["start"]
            assert value == value.strip(" \n")
            last = span["end"]


def test_a_line_of_signs_of_quotation_does_not_end_a_sentence() -> None:
    text = "??? Anna Lee\n??? 5 Elm Road. At 9. sharp he left. Dr. No came!\n\nEnd"
    codes = code_points(text)
    classes, small = tables()
    rows = tokens(codes, classes)
    ends = stretches(codes, rows, described(codes, rows, classes, small))
    assert [text[: rows[end - 1, 1]].rsplit(maxsplit=1)[-1] for end in ends] == [
        "Road.",
        "left.",
        "came!",
        "End",
    ]


def test_a_word_is_in_its_cluster_and_another_in_none() -> None:
    codes = code_points("anna Paris xyzzy")
    classes, small = tables()
    values = described(codes, tokens(codes, classes), classes, small)
    assert clustered(values, cluster_table({"anna": 7, "paris": 254}, 1 << 12)).tolist() == [7, 254, 0]


def test_a_name_costs_once_whatever_its_length() -> None:
    pairs = balanced(np.zeros((len(LABELS) + 1, len(LABELS)), np.float32))

    def gain(*labels: str) -> float:
        """What a name before and behind ordinary words gains by its labels."""
        steps = [LABELS.index(label) for label in ("O", *labels, "O")]
        tagged, plain = pairs[steps[:-1], steps[1:]].sum(), pairs[0, 0] * (len(labels) + 1)
        return float(tagged - plain)

    assert gain("B-PERSON") == A_WORD - A_NAME
    assert gain("B-PERSON", "I-PERSON", "I-PERSON") == 3 * A_WORD - A_NAME
    assert gain("B-LOCATION") == A_WORD - A_NAME - LONE_PLACE
    assert gain("B-LOCATION", "I-LOCATION") == 2 * A_WORD - A_NAME


@pytest.mark.slow
def test_training_learns_what_it_is_shown_and_repeats_itself(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    lists = (["Velden", "Marsk"], ["Anna", "Tomas"], ["Quill", "Adler"])
    rows = list(made_texts(*lists, 2, 1))
    table = name_lists([(words, bit, bit) for words, bit in zip(lists, (1, 4, 8), strict=True)])
    model, again = (train(rows, table, cluster_table({"name": 1, "live": 2}, 1 << 10), 1) for _ in range(2))
    assert all(np.array_equal(one, other) for one, other in zip(model, again, strict=True))
    assert model.weights.shape[1] == len(LABELS)
    names.save(model, tmp_path / "names.npz")
    monkeypatch.setattr(names, "MODEL_FILE", tmp_path / "names.npz")
    monkeypatch.setattr(names, "load", names.load.__wrapped__)
    assert found("My name is Anna Quill and I live in Velden.") == [("PERSON", "Anna Quill"), ("LOCATION", "Velden")]
