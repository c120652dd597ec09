"""The measures of a text in plain Python: the specification that the compiled kernel is held to.

Definitions (Gopher: Rae et al. 2021, arXiv 2112.11446, section A1.1 and table A1; FineWeb: Penedo et al. 2024, arXiv
2406.17557, section 3.6; where the papers leave room, DataTrove 0.10's filters decide unless stated):

- A *word* is a run of characters without white space (`str.split`). Its *core* is the word in lower case without what
  stands before the first and after the last letter, mark or number; it is empty where there is none.
- A *line* is the words between two newlines, joined by one space; blank lines are none.
- A *paragraph* is a run of lines without a blank line between them, joined by newlines.
- *Characters* are code points; a share "of the characters" is of all characters of the text, white space included.
- A repeated element is one that occurred before in the text: the first occurrence is not counted.
- Where the denominator is zero the measure is 0.

Two departures from DataTrove, both for short texts: an n-gram that occurs once is no repetition (`top_n_gram` is then 0), and
words are split on white space in place of a tokeniser per language.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from pipeline.text.characters import (
    BULLETS,
    MARK,
    SPACELESS,
    SYMBOL,
    TERMINAL_PUNCTUATION,
    character_class,
)
from pipeline.text.stop_words import FUNCTION_WORDS, GOPHER_STOP_WORDS

if TYPE_CHECKING:
    from collections.abc import Sequence

SHORT_LINE = 30
"""Characters up to which a line is short (FineWeb)."""


def measures(text: str) -> dict[str, float]:
    """Return every measure of one text.

    >>> values = measures("The cat sat with the dog.")
    >>> values["word_count"], values["stop_words"], values["line_punctuation"]
    (6.0, 2.0, 1.0)
    """
    words = text.split()
    paragraphs = _paragraphs(text)
    return {
        **_of_words(text, words),
        **_of_lines(text, paragraphs),
        **_of_repetition(text, words, paragraphs),
        **_of_characters(text),
    }


def spaceless_share(text: str) -> float:
    """Return the share of the letters that belong to a script written without spaces."""
    letters = [c for c in text if c.isalpha()]
    return _ratio(sum(character_class(c) == SPACELESS for c in letters), len(letters))


def core(word: str) -> str:
    """Return a word in lower case without the punctuation around it.

    >>> core("“Don't!”")
    "don't"
    """
    inside = [i for i, c in enumerate(word) if c.isalnum() or character_class(c) == MARK]
    if not inside:
        return ""
    kept = word[inside[0] : inside[-1] + 1]
    return "".join(c.lower() if len(c.lower()) == 1 else c for c in kept)


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def _paragraphs(text: str) -> list[list[str]]:
    """Return the text's paragraphs as lists of lines."""
    paragraphs: list[list[str]] = [[]]
    for raw in text.split("\n"):
        line = " ".join(raw.split())
        if line:
            paragraphs[-1].append(line)
        elif paragraphs[-1]:
            paragraphs.append([])
    return [lines for lines in paragraphs if lines]


def _of_words(text: str, words: list[str]) -> dict[str, float]:
    """Return the measures about words (Gopher; `stop_word_share` and `unique_word_share` are ours)."""
    cores = [core(word) for word in words]
    count = len(words)
    return {
        "word_count": float(count),
        "mean_word_length": _ratio(sum(map(len, words)), count),
        "hash_ratio": _ratio(text.count("#"), count),
        "ellipsis_ratio": _ratio(text.count("...") + text.count("…"), count),
        "alphabetic_words": _ratio(sum(any(c.isalpha() for c in word) for word in words), count),
        "stop_words": float(len(GOPHER_STOP_WORDS & set(cores))),
        "stop_word_share": _ratio(sum(word in FUNCTION_WORDS for word in cores), count),
        "unique_word_share": _ratio(len(set(cores)), count),
        "newline_ratio": _ratio(text.count("\n"), count),
    }


def _of_lines(text: str, paragraphs: list[list[str]]) -> dict[str, float]:
    """Return the measures about lines (Gopher and FineWeb)."""
    lines = [line for paragraph in paragraphs for line in paragraph]
    count = len(lines)
    duplicates, characters = _repeated(lines)
    return {
        "bullet_lines": _ratio(sum(line[0] in BULLETS for line in lines), count),
        "ellipsis_lines": _ratio(sum(line.endswith(("...", "…")) for line in lines), count),
        "line_punctuation": _ratio(sum(line[-1] in TERMINAL_PUNCTUATION for line in lines), count),
        "short_lines": _ratio(sum(len(line) <= SHORT_LINE for line in lines), count),
        "duplicate_lines": _ratio(duplicates, count),
        "duplicate_line_characters": _ratio(characters, len(text)),
    }


def _of_repetition(text: str, words: list[str], paragraphs: list[list[str]]) -> dict[str, float]:
    """Return the measures about repeated paragraphs and n-grams (Gopher)."""
    joined = ["\n".join(lines) for lines in paragraphs]
    duplicates, characters = _repeated(joined)
    return {
        "duplicate_paragraphs": _ratio(duplicates, len(joined)),
        "duplicate_paragraph_characters": _ratio(characters, len(text)),
        **{f"top_{n}_gram": _ratio(_top(words, n), len(text)) for n in (2, 3, 4)},
        **{f"duplicate_{n}_grams": _ratio(_duplicate_grams(words, n), len(text)) for n in range(5, 11)},
    }


def _of_characters(text: str) -> dict[str, float]:
    """Return the measures about kinds of characters (ours)."""
    letters = [c for c in text if c.isalpha()]
    visible = [c for c in text if not c.isspace()]
    return {
        "digit_share": _ratio(sum(c.isdecimal() for c in visible), len(visible)),
        "uppercase_share": _ratio(sum(c.isupper() for c in letters if character_class(c) != SPACELESS), len(letters)),
        "symbol_share": _ratio(sum(character_class(c) == SYMBOL for c in visible), len(visible)),
    }


def _repeated(elements: Sequence[str]) -> tuple[int, int]:
    """Return how many elements occurred before, and the characters in them."""
    seen: set[str] = set()
    count = characters = 0
    for element in elements:
        if element in seen:
            count += 1
            characters += len(element)
        seen.add(element)
    return count, characters


def _top(words: Sequence[str], n: int) -> int:
    """Return the characters in the most frequent n-gram, the longest of those; overlaps count once a start.

    The n-gram's length includes the spaces between its words. At most the length of the joined words.
    """
    grams = Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))
    most = max(grams.values(), default=0)
    if most < 2:
        return 0
    longest = max(len(" ".join(gram)) for gram, count in grams.items() if count == most)
    return min(longest * most, len(" ".join(words)))


def _duplicate_grams(words: Sequence[str], n: int) -> int:
    """Return the characters in repeated n-grams; a repeated one is counted whole and stepped over, so none counts twice."""
    seen: set[tuple[str, ...]] = set()
    characters = i = 0
    while i <= len(words) - n:
        gram = tuple(words[i : i + n])
        if gram in seen:
            characters += sum(map(len, gram))
            i += n
        else:
            seen.add(gram)
            i += 1
    return characters
