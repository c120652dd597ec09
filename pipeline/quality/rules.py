"""The published rule sets as data, and where a measure or a rule makes no sense.

Limits as published: Gopher, Rae et al. 2021 (arXiv 2112.11446, section A1.1 and table A1); FineWeb, Penedo et al. 2024 (arXiv
2406.17557, section 3.6); C4, Raffel et al. 2020 (JMLR 21/140, section 2.2). FineWeb's and C4's are as DataTrove 0.10 applies them
(0.01 for FineWeb's repeated lines, where the paper prints 0.1). All rules of the chosen presets are always evaluated: those of
`hard_rules` reject, those of `soft_rules` are recorded.

**Two Gophers.** The paper does not say what a word is. `gopher` splits on white space; `gopher_datatrove` decides as DataTrove
does, which splits as spaCy does and so counts each punctuation mark as a word without a letter. On English pages that alone
rejects about twice as many documents.

**Languages** (by the primary subtag of the document's BCP 47 code). A measure that does not apply is null:

- measures of words, n-grams, short lines and C4's do not apply where words are written without spaces (`SPACELESS_LANGUAGES`);
  where no language is known (null or "und"), a text counts as such if most of its letters belong to such a script;
- the share of function words applies to languages with a list (`pipeline/text/function_words.py`), Gopher's eight stop words,
  page furniture and advertising to English, the surprise of letters to languages with a table (`pipeline/text/letters.py`);
- line punctuation does not apply to Thai and Lao, which have no mark that ends a sentence.

**Social posts** (`source_kind` "social"). All sets were made on web pages. The minimum of words does not apply to a post, nor do
the rules of line shape, sentences, stop words and hash signs (hashtags are part of the form). Shares of a handful of words say
nothing: under 50 words, Gopher's own minimum, a post is judged by the score alone. The measures are recorded all the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.document import MEASURES
from pipeline.errors import ConfigError
from pipeline.text import phrases
from pipeline.text.function_words import lists
from pipeline.text.letters import tables as letter_tables
from pipeline.verdict import Rule

RuleSet = Literal["gopher", "fineweb", "c4"]

SOCIAL = "social"
SHORTEST_POST = 50
"""Words from which a social post is judged by rules of shares (Gopher's minimum for any document)."""

SPACELESS_LANGUAGES = frozenset(
    {"zh", "ja", "th", "lo", "km", "my", "bo", "dz", "yue", "wuu", "lzh", "nan", "gan", "hak", "cdo"}
)
NO_SENTENCE_MARK = frozenset({"th", "lo"})

_SPACED_MEASURES = frozenset(
    {
        "word_count",
        "mean_word_length",
        "hash_ratio",
        "ellipsis_ratio",
        "alphabetic_words",
        "unique_word_share",
        "short_lines",
        "newline_ratio",
        "capitalised_words",
        "exclamation_ratio",
        "longest_word",
        "link_ratio",
        "boilerplate_ratio",
        "spam_ratio",
        "token_count",
        "alphabetic_tokens",
        "newline_token_ratio",
        *(name for name in MEASURES if name.startswith("c4_")),
        *(f"top_{n}_gram" for n in (2, 3, 4)),
        *(f"duplicate_{n}_grams" for n in range(5, 11)),
    }
)
_ENGLISH = frozenset({"en"})
_LANGUAGES_OF: dict[str, frozenset[str]] = {
    "stop_words": _ENGLISH,
    "stop_word_share": frozenset(lists()),
    "boilerplate_ratio": phrases.LANGUAGES,
    "spam_ratio": phrases.LANGUAGES,
    "letter_surprise": frozenset(letter_tables()),
}
"""Measures that need a list or a table, and the languages that have one."""


class Limit(NamedTuple):
    """One published rule: it speaks against a text whose measure is beyond the limit."""

    reason: str
    measure: str
    limit: float
    side: Literal["below", "above"]
    rules: RuleSet
    source: str
    social: bool = True
    """Whether it applies to social posts (of at least `SHORTEST_POST` words)."""


def _gopher(rule: str, measure: str, limit: float, side: Literal["below", "above"], *, social: bool = True) -> Limit:
    return Limit(f"quality.gopher.{rule}@1", measure, limit, side, "gopher", "arXiv 2112.11446", social)


def _fineweb(
    rule: str, measure: str, limit: float, side: Literal["below", "above"], *, version: int = 1, social: bool = True
) -> Limit:
    return Limit(f"quality.fineweb.{rule}@{version}", measure, limit, side, "fineweb", "arXiv 2406.17557", social)


def _c4(rule: str, measure: str, limit: float, side: Literal["below", "above"], *, social: bool = True) -> Limit:
    return Limit(f"quality.c4.{rule}@1", measure, limit, side, "c4", "JMLR 21/140", social)


LIMITS: tuple[Limit, ...] = (
    _gopher("word_count_min", "word_count", 50, "below", social=False),
    _gopher("word_count_max", "word_count", 100_000, "above"),
    _gopher("mean_word_length_min", "mean_word_length", 3, "below"),
    _gopher("mean_word_length_max", "mean_word_length", 10, "above"),
    _gopher("hash_ratio", "hash_ratio", 0.1, "above", social=False),
    _gopher("ellipsis_ratio", "ellipsis_ratio", 0.1, "above"),
    _gopher("bullet_lines", "bullet_lines", 0.9, "above", social=False),
    _gopher("ellipsis_lines", "ellipsis_lines", 0.3, "above", social=False),
    _gopher("alphabetic_words", "alphabetic_words", 0.8, "below"),
    _gopher("alphabetic_tokens", "alphabetic_tokens", 0.8, "below"),
    _gopher("stop_words", "stop_words", 2, "below", social=False),
    _gopher("duplicate_lines", "duplicate_lines", 0.30, "above"),
    _gopher("duplicate_paragraphs", "duplicate_paragraphs", 0.30, "above"),
    _gopher("duplicate_line_characters", "duplicate_line_characters", 0.20, "above"),
    _gopher("duplicate_paragraph_characters", "duplicate_paragraph_characters", 0.20, "above"),
    _gopher("top_2_gram", "top_2_gram", 0.20, "above"),
    _gopher("top_3_gram", "top_3_gram", 0.18, "above"),
    _gopher("top_4_gram", "top_4_gram", 0.16, "above"),
    _gopher("duplicate_5_grams", "duplicate_5_grams", 0.15, "above"),
    _gopher("duplicate_6_grams", "duplicate_6_grams", 0.14, "above"),
    _gopher("duplicate_7_grams", "duplicate_7_grams", 0.13, "above"),
    _gopher("duplicate_8_grams", "duplicate_8_grams", 0.12, "above"),
    _gopher("duplicate_9_grams", "duplicate_9_grams", 0.11, "above"),
    _gopher("duplicate_10_grams", "duplicate_10_grams", 0.10, "above"),
    _fineweb("line_punctuation", "line_punctuation", 0.12, "below", social=False),
    _fineweb("short_lines", "short_lines", 0.67, "above", social=False),
    _fineweb("duplicate_line_characters", "duplicate_line_characters", 0.01, "above"),
    _fineweb("newline_ratio", "newline_token_ratio", 0.3, "above", version=2, social=False),
    _c4("sentences", "c4_sentences", 5, "below", social=False),
    _c4("curly_brackets", "c4_curly_brackets", 0, "above"),
    _c4("lorem_ipsum", "c4_lorem_ipsum", 0, "above"),
)

_WORDS, _TOKENS = "quality.gopher.alphabetic_words@1", "quality.gopher.alphabetic_tokens@1"
PRESETS: dict[str, tuple[str, ...]] = {
    "gopher": tuple(entry.reason for entry in LIMITS if entry.rules == "gopher" and entry.reason != _TOKENS),
    "gopher_datatrove": tuple(entry.reason for entry in LIMITS if entry.rules == "gopher" and entry.reason != _WORDS),
    "fineweb": tuple(entry.reason for entry in LIMITS if entry.rules == "fineweb"),
    "c4": tuple(entry.reason for entry in LIMITS if entry.rules == "c4"),
}
"""Rules of each published recipe."""


def chosen(names: Sequence[str], limits: Mapping[str, float] | None = None) -> tuple[Limit, ...]:
    """Return the rules that presets and single rules name, each once, in the order of `LIMITS`, with limits of one's own.

    Raises
    ------
    ConfigError
        If a name is neither a preset nor a rule, or a limit is given for no rule.

    >>> [entry.limit for entry in chosen(["c4"], {"quality.c4.sentences@1": 3})]
    [3, 0, 0]
    """
    known = {entry.reason for entry in LIMITS}
    reasons: set[str] = set()
    for name in names:
        if name not in PRESETS and name not in known:
            raise ConfigError(f"'{name}' is no preset ({', '.join(PRESETS)}) and no rule of {__name__}")
        reasons.update(PRESETS.get(name, (name,)))
    for name in limits or {}:
        if name not in known:
            raise ConfigError(f"a limit is given for '{name}', which is no rule of {__name__}")
    own = limits or {}
    return tuple(
        entry._replace(limit=own.get(entry.reason, entry.limit)) for entry in LIMITS if entry.reason in reasons
    )


def primary_subtags(languages: pa.Array) -> list[str]:
    """Return the primary subtags of BCP 47 codes; "und" where none is known.

    >>> primary_subtags(pa.array(["pt-BR", None, "EN"]))
    ['pt', 'und', 'en']
    """
    return [(code or "und").split("-")[0].lower() for code in languages.to_pylist()]


def with_nulls(
    values: npt.NDArray[np.float64], spaceless_share: npt.NDArray[np.float64], languages: pa.Array
) -> npt.NDArray[np.float32]:
    """Return the measures as they are stored: 32-bit, NaN where a measure does not apply to the document's language.

    Parameters
    ----------
    values
        Shape (documents, len(MEASURES)).
    spaceless_share
        Share of each text's letters that belong to a script written without spaces: decides where no language is known.
    languages
        BCP 47 codes; null and "und" are unknown.
    """
    primary = np.array(primary_subtags(languages), dtype=object)
    unknown = primary == "und"
    spaceless = np.array([code in SPACELESS_LANGUAGES for code in primary], bool)
    spaceless |= unknown & (spaceless_share > 0.5)
    listed = {name: np.array([code in known for code in primary], bool) for name, known in _LANGUAGES_OF.items()}
    no_mark = np.array([code in NO_SENTENCE_MARK for code in primary], bool)
    result = values.astype(np.float32)
    for column, name in enumerate(MEASURES):
        if name in _SPACED_MEASURES:
            result[spaceless, column] = np.nan
        if name in listed:
            result[~listed[name], column] = np.nan
        if name == "line_punctuation":
            result[no_mark, column] = np.nan
    return result


def evaluate(measures: npt.NDArray[np.float32], source_kinds: pa.Array, limits: Sequence[Limit]) -> list[Rule]:
    """Return rules over a batch, in their order.

    Values are compared as they are stored, so that a recorded value always agrees with its verdict. A null measure speaks
    against nobody.

    Parameters
    ----------
    measures
        Shape (documents, len(MEASURES)), as `with_nulls` returns them.
    source_kinds
        "web", "social" or "licensed".
    limits
        What `chosen` returns.
    """
    social = np.array([kind == SOCIAL for kind in source_kinds.to_pylist()], bool)
    # Where words are not counted (NaN), a post counts as short.
    short_post = social & ~(measures[:, MEASURES.index("word_count")] >= SHORTEST_POST)
    rules = []
    for entry in limits:
        value = measures[:, MEASURES.index(entry.measure)]
        limit = np.float32(entry.limit)
        applies = value < limit if entry.side == "below" else value > limit
        applies &= ~(short_post if entry.social else social)
        rules.append(Rule(entry.reason, applies, value.astype(np.float64), entry.limit, side=entry.side))
    return rules
