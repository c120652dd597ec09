"""The kernel against its plain-Python specification."""

# ruff: noqa: RUF001 - the texts are in many scripts on purpose

from __future__ import annotations

import sys
import time
from importlib.metadata import distributions

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.document import MEASURES
from pipeline.text import measures_reference as reference
from pipeline.text.characters import character_class, tables
from pipeline.text.measures import NAMES, measure

TEXTS = {
    "empty": "",
    "blank": " \n\t\u3000\r\n",
    "one character": "a",
    "prose": "The cat sat on the mat. It was warm, and the cat slept.\n\nThen it rained... The dog, with its ball, came in!",
    "repeated lines": "Home\nAbout us\nHome\n\nHome\nAbout us\nHome\n\nlast line here.\n",
    "repeated words": "spam " * 40,
    "overlapping": "a b a b a b a b a b a b a b a b a b a b a b c",
    "n-grams": "one two three four five six seven eight nine ten eleven " * 3 + "end",
    "dots": "... .... ...... a... b.. …… x…\nends…\nends...",
    "hashes": "#one ##two # three",
    "bullets": "- a\n* b\n • c\n‣ d\ne",
    "controls": "a\x00b \x01\x02 \x7f\x85next\u2028line\u2029end \x1c\x1d",
    "invisible": "zero\u200bwidth soft\u00adhyphen \ufeffbom \u202eright-to-left\u202c",
    "emoji": "great 👍🏽 family 👨‍👩‍👧‍👦 flags 🇩🇪🇫🇷 tag 🏴󠁧󠁢󠁥󠁮󠁧󠁿",
    "german": "Die Größe der Straße; „Überall“ heißt es: ÄÖÜ, Ǆ ǅ ǆ İstanbul ẞ.",
    "french": "« C’est l’été ! » dit-elle… Où ? Là-bas : 1 234,56 €.",
    "greek": "Ο ΟΔΥΣΣΕΥΣ γύρισε· πότε; ς σ Σ.",
    "russian": "Съешь ещё этих мягких французских булок, да выпей чаю.",
    "arabic": "هل هذا نصّ عربي؟ نعم، ١٢٣ كلمة. هل هذا نصّ عربي؟",
    "persian": "می\u200cخواهم کتاب\u200cها را بخوانم. ۱۲۳",
    "hebrew": "שלום, עולם! שלום, עולם!",
    "hindi": "यह एक हिन्दी वाक्य है। यह दूसरा वाक्य है॥ १२३",
    "thai": "ภาษาไทยไม่มีช่องว่างระหว่างคำ แต่มีวรรค ๑๒๓",
    "chinese": "这是一个句子。这是另一个句子！\n第二行，没有空格？",
    "japanese": "これは文です。カタカナもあります！\nﾊﾝｶｸ 全角 ABC",
    "korean": "이것은 한국어 문장입니다. 띄어쓰기가 있습니다.",
    "astral": "𝕳𝖊𝖑𝖑𝖔 𝟘𝟙𝟚 𐐀𐐨 𠀀𠀁 \U0010ffff \U000e0100",
    "numbers": "½ ² Ⅷ ① 10% 3.14 -5 1e9",
    "long word": "x" * 5000 + " " + "y" * 31,
    "c4": "A line of five words, kept.[12]\nNo full stop\nUses cookies, as they say.\nvar x = {javascript}; ok.\nA { in a line.\n"
    "Lorem ipsum dolor sit.\nToo short.\nIt was J. S. Bach! And U.S. too? Yes (he said.) So... end of it",
    "phrases": "Skip to content\nSIGN IN | Sign up\nBuy now: 50% off!!! Click here https://example.org/a www.example.org\nterms  of use",
    "tokens": "Don't well-known (a/b) x:y U.S. Mr. J. --- ... end.Next they're “quoted” it's. www.a.b/c-d, 3,000 a.b.c o'clock 'n' l'été",
    "lowercase accents": "éèê ñ ø ß œ ł đ",
    "compresses": "abcd" * 100 + "the quick brown fox " * 30 + "\u00e9" * 40,
    "nfd": "cafe\u0301 nai\u0308ve",
}


def assert_equal_to_reference(texts: list[str], language: str = "en") -> None:
    got = measure(pa.array(texts, pa.string()), [language] * len(texts))
    assert got.shape == (len(texts), len(NAMES))
    for row, text in zip(got, texts, strict=True):
        expected = {**reference.measures(text, language), "spaceless_share": reference.spaceless_share(text)}
        wrong = [
            (name, value, expected[name])
            for name, value in zip(NAMES, row.tolist(), strict=True)
            if value != pytest.approx(expected[name], abs=1e-12)
        ]
        assert not wrong, f"{wrong} for a text of {len(text)} characters"


def test_columns_are_the_documents_measures_in_order():
    assert tuple(NAMES[:-1]) == MEASURES


@pytest.mark.parametrize("language", ["en", "de", "ru", "fi", "zh", "und"])
def test_kernel_equals_reference(language):
    assert_equal_to_reference(list(TEXTS.values()), language)


def test_what_a_phrase_a_sentence_and_a_token_are():
    def values(text: str, language: str = "en") -> dict[str, float]:
        return dict(zip(NAMES, measure(pa.array([text]), [language])[0].tolist(), strict=True))

    c4 = values(TEXTS["c4"])
    assert [c4[f"c4_{name}"] for name in ("sentences", "curly_brackets", "lorem_ipsum")] == [1, 1, 1]
    assert (c4["c4_lines"], c4["c4_javascript"], c4["c4_policy"]) == (1 / 8, 1 / 8, 1 / 8)
    assert values("It was J. Bach! Was it? Yes, in the U.S. of it. (So.) Wait... what")["c4_sentences"] == 0
    assert values("It was J. Bach! Was it? Yes, in the U.S. of it. (So.) Wait... what.")["c4_sentences"] == 5
    page = values(TEXTS["phrases"])
    assert page["boilerplate_ratio"] * page["word_count"] == 4  # skip to content, sign in, sign up, buy now
    assert page["spam_ratio"] * page["word_count"] == 2  # 50% off, click here
    assert page["link_ratio"] * page["word_count"] == 2
    assert values("Don't stop the well-known (U.S.) end.")["token_count"] == 12
    assert values("abcd" * 100)["compression_ratio"] < 0.05
    assert values("Der Hund und die Katze", "de")["stop_word_share"] == 3 / 5
    assert values("asdf jklqw ertzx")["letter_surprise"] > 6
    assert values("the cat sat on the mat")["letter_surprise"] < 4


def test_a_batch_is_its_rows():
    texts = list(TEXTS.values())
    together = measure(pa.array(texts))
    alone = np.concatenate([measure(pa.array([text])) for text in reversed(texts)])[::-1]
    np.testing.assert_array_equal(together, alone)


ALPHABET = st.one_of(
    st.sampled_from(list("ab A.#…-•\n\n  \t1,!?\"'’\u3000。あ\u200bé\u0301[]{}/:=~")),
    st.characters(exclude_categories=["Cs"]),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.text(ALPHABET, max_size=120), max_size=4))
def test_kernel_equals_reference_on_any_text(texts):
    assert_equal_to_reference(texts)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                "a",
                "b",
                "cc",
                "The",
                "the,",
                "\n",
                "\n\n",
                "#",
                "...",
                "javascript",
                "{",
                "use",
                "cookies",
                "lorem",
                "ipsum.",
                "[1]",
                "click",
                "here",
                "J.",
                "n't",
            ]
        ),
        max_size=90,
    ),
    st.randoms(),
)
def test_kernel_equals_reference_on_repetitive_text(parts, random):
    assert_equal_to_reference([" ".join(parts), "".join(random.choice([p, p + " "]) for p in parts)])


def test_kernel_equals_reference_on_real_text():
    texts = sorted({str(d.metadata.get_payload())[:20_000] for d in distributions()})
    assert len(texts) > 50
    assert_equal_to_reference([text.encode("utf-8", "replace").decode() for text in texts[::3]])


@pytest.mark.parametrize("step", [61, pytest.param(1, marks=pytest.mark.slow)])
def test_the_tables_hold_every_code_point(step):
    classes, lower = tables()
    assert len(classes) == len(lower) == sys.maxunicode + 1
    for code in (*range(0, 0x34000, 7), *range(0x34000, sys.maxunicode + 1, step)):
        character = chr(code)
        assert classes[code] & 0x0F == character_class(character), hex(code)
        assert len(character.lower()) > 1 or lower[code] == ord(character.lower()), hex(code)


@pytest.mark.parametrize(
    "array",
    [
        pa.array(["x", "the cat. the cat.", "y"]).slice(1, 1),
        pa.array(["x", "the cat. the cat.", "y"], pa.large_string()).slice(1, 1),
        pa.chunked_array([["the cat. the cat."]]),
        pa.array(["the cat. the cat."]).dictionary_encode(),
    ],
)
def test_any_arrow_layout(array):
    np.testing.assert_array_equal(measure(array), measure(pa.array(["the cat. the cat."])))


def test_null_and_no_rows():
    assert measure(pa.array([], pa.string())).shape == (0, len(NAMES))
    assert not measure(pa.array([None, ""], pa.string())).any()


def test_bytes_that_are_no_text_are_survived():
    broken = pa.Array.from_buffers(
        pa.string(),
        3,
        [
            None,
            pa.py_buffer(np.array([0, 2, 5, 6], np.int32).tobytes()),
            pa.py_buffer(b"a\xe4\xf8\x80\x80\xff"),
        ],
    )
    assert measure(broken)[:, 0].tolist() == [1, 1, 1]


@pytest.mark.parametrize("unit", ["x", "a ", "a b c ", "\n", "é", "語", "word word\n"])
def test_cost_is_linear_whatever_the_shape(unit):
    measure(pa.array(["warm up"]))

    def seconds(characters: int) -> float:
        array = pa.array([unit * (characters // len(unit))])
        best = float("inf")
        for _ in range(3):
            start = time.process_time()
            measure(array)
            best = min(best, time.process_time() - start)
        return best

    assert seconds(5_000_000) < 40 * max(seconds(500_000), 0.005)
