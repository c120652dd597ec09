# ruff: noqa: RUF001 - dashes and apostrophes are meant as they stand
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

- A *phrase* is one of `pipeline/text/cues.py`; ratios of phrases, hash signs and the like are to words.
- A word *ends a sentence* if what follows its last letter, mark or number holds "!" or "?" or a single full stop that is not an
  initial's ("J.").
- `c4_lines` is the share of lines that C4 would keep, `c4_sentences` how many sentences are in them, `c4_curly_brackets` and
  `c4_lorem_ipsum` how many lines make it drop the document (Raffel et al. 2020, JMLR 21/140, as DataTrove's C4QualityFilter).
- *Tokens* are near what spaCy's English tokeniser makes of a text, whose tokens are DataTrove's words: each run of one mark at a word's
  ends is one, a word is cut at a hyphen, slash or the like inside it and before "'s" or "n't", and an address is one.
- `compression_ratio` is the size of the text as one LZ4 block of a simple greedy compressor over its size, in bytes of UTF-8.
- `letter_surprise` is in bits a letter (`pipeline/text/letters.py`).

Two departures from DataTrove, both for short texts: an n-gram that occurs once is no repetition (`top_n_gram` is then 0), and
words are split on white space in place of a tokeniser per language.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from pipeline.text import cues, letters, phrases
from pipeline.text.characters import (
    BULLETS,
    LOWER,
    MARK,
    SPACELESS,
    SYMBOL,
    TERMINAL_PUNCTUATION,
    UPPER,
    character_class,
)
from pipeline.text.function_words import GOPHER_STOP_WORDS, lists

if TYPE_CHECKING:
    from collections.abc import Sequence

C4_LONGEST_WORD, C4_LEAST_WORDS = 1000, 3
"""C4 keeps a line with no longer word, and with at least so many."""
_TOKEN_MEASURES = frozenset({"token_count", "alphabetic_tokens", "newline_token_ratio"})
SHORT_LINE = 30
"""Characters up to which a line is short (FineWeb)."""


def measures(text: str, language: str | None = "en", wanted: frozenset[str] | None = None) -> dict[str, float]:
    """Return every measure of one text, that of stop words and letters 0 where there is no list or table for its language.

    Parameters
    ----------
    language
        Primary subtag of a BCP 47 code.
    wanted
        Measures that are needed: the dear ones (phrases, C4's, tokens) are left out where none of theirs is. None: all.

    >>> values = measures("The cat sat with the dog.")
    >>> values["word_count"], values["stop_words"], values["line_punctuation"]
    (6.0, 2.0, 1.0)
    """
    words = text.split()
    paragraphs = _paragraphs(text)
    return {
        **_of_words(text, words, language),
        **_of_lines(text, paragraphs),
        **_of_repetition(text, words, paragraphs),
        **_of_characters(text),
        **_of_phrases(text, len(words), wanted),
        "compression_ratio": compression_ratio(text.encode("utf-8", "replace")),
        "letter_surprise": letters.surprise(text, language) if language in letters.tables() else 0.0,
        **(_of_c4(text) if wanted is None or any(name.startswith("c4_") for name in wanted) else {}),
        **(_of_tokens(text, words) if wanted is None or wanted & _TOKEN_MEASURES else {}),
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


def _of_words(text: str, words: list[str], language: str | None) -> dict[str, float]:
    """Return the measures about words (Gopher; from `stop_word_share` on ours, but for `newline_ratio`, which is FineWeb's)."""
    cores = [core(word) for word in words]
    count = len(words)
    function_words = lists().get(language or "", frozenset())
    return {
        "word_count": float(count),
        "mean_word_length": _ratio(sum(map(len, words)), count),
        "hash_ratio": _ratio(text.count("#"), count),
        "ellipsis_ratio": _ratio(text.count("...") + text.count("…"), count),
        "alphabetic_words": _ratio(sum(any(c.isalpha() for c in word) for word in words), count),
        "stop_words": float(len(GOPHER_STOP_WORDS & set(cores))) if language == "en" else 0.0,
        "stop_word_share": _ratio(sum(word in function_words for word in cores), count),
        "unique_word_share": _ratio(len(set(cores)), count),
        "newline_ratio": _ratio(text.count("\n"), count),
        "capitalised_words": _ratio(sum(_capitalised(word) for word in words), count),
        "exclamation_ratio": _ratio(text.count("!"), count),
        "longest_word": float(max(map(len, words), default=0)),
    }


def _capitalised(word: str) -> bool:
    """Return whether the first letter, mark or number of a word is a capital letter."""
    first = next((c for c in word if c.isalnum() or character_class(c) == MARK), "")
    return character_class(first) == UPPER if first else False


def _ends_sentence(word: str) -> bool:
    """Return whether a sentence ends with this word."""
    last = max((i for i, c in enumerate(word) if c.isalnum() or character_class(c) == MARK), default=-1)
    ends = False
    for i in range(last + 1, len(word)):
        if word[i] == ".":
            run = i > last + 1 and word[i - 1] == "."
            initial = i > 0 and character_class(word[i - 1]) == UPPER
            initial &= not (i > 1 and character_class(word[i - 2]) == UPPER)
            ends = not run and not initial
        elif word[i] in "!?":
            ends = True
    return ends


def sentences(words: Sequence[str]) -> int:
    """Return how many sentences the words of a line are; a line is one at least.

    >>> sentences("Hello. It is J. Doe!".split())
    2
    """
    return max(sum(map(_ends_sentence, words)), 1)


def _of_phrases(text: str, words: int, wanted: frozenset[str] | None) -> dict[str, float]:
    """Return the ratios of phrases to words (ours)."""
    lines = text.split("\n")
    kinds = {"link_ratio": phrases.LINK, "boilerplate_ratio": phrases.BOILERPLATE, "spam_ratio": phrases.SPAM}
    return {
        name: _ratio(sum(cues.count(line, kind) for line in lines), words)
        for name, kind in kinds.items()
        if wanted is None or name in wanted
    }


def _of_c4(text: str) -> dict[str, float]:
    """Return what C4 does with the lines of a text. A rule counts the lines that come to it, as the rules stand in order."""
    lines = [line for line in text.split("\n") if line.split()]
    lorem = javascript = curly = policy = kept = ended = 0
    for line in lines:
        words = line.split()
        last = re.sub(r"(\[[0-9]*\])+$", "", words[-1])
        ends = last.endswith((".", "!", "?", '"', "'")) and not words[-1].endswith("...")
        if not ends or len(words) < C4_LEAST_WORDS or max(map(len, words)) > C4_LONGEST_WORD:
            continue
        if cues.count(line, phrases.LOREM):
            lorem += 1
        elif cues.count(line, phrases.JAVASCRIPT):
            javascript += 1
        elif "{" in line:
            curly += 1
        elif cues.count(line, phrases.POLICY):
            policy += 1
        else:
            kept += 1
            ended += sentences(words)
    return {
        "c4_lines": _ratio(kept, len(lines)),
        "c4_sentences": float(ended),
        "c4_curly_brackets": float(curly),
        "c4_lorem_ipsum": float(lorem),
        "c4_javascript": _ratio(javascript, len(lines)),
        "c4_policy": _ratio(policy, len(lines)),
    }


def _of_tokens(text: str, words: list[str]) -> dict[str, float]:
    """Return the measures about words as DataTrove's tokeniser makes them."""
    found = [_tokens(word) for word in words]
    count = sum(tokens for tokens, _ in found)
    return {
        "token_count": float(count),
        "alphabetic_tokens": _ratio(sum(alphabetic for _, alphabetic in found), count),
        "newline_token_ratio": _ratio(text.count("\n"), count),
    }


def _tokens(word: str) -> tuple[int, int]:
    """Return how many tokens a word is, and how many of them hold a letter."""
    inside = [i for i, c in enumerate(word) if _is_core(c)]
    if not inside:
        return _runs(word), 0
    first, last = inside[0], inside[-1]
    tail = word[last + 1 :]
    initial = character_class(word[last]) == UPPER and not (last and character_class(word[last - 1]) == UPPER)
    outside = _runs(word[:first]) + _runs(tail) - (initial and tail.startswith("."))
    if cues.count(word, phrases.LINK):
        return outside + 1, int(any(map(str.isalpha, word)))
    pieces = [""]
    for i in range(first, last + 1):
        if first < i < last and _cuts(*word[i - 1 : i + 2]):
            pieces.append("")
            outside += 1
        else:
            pieces[-1] += word[i]
    contracted = sum(map(_is_contraction, pieces))
    alphabetic = sum(any(map(str.isalpha, piece)) for piece in pieces)
    return outside + len(pieces) + contracted, alphabetic + contracted


def _is_core(character: str) -> bool:
    return character.isalnum() or character_class(character) == MARK


def _runs(marks: str) -> int:
    """Return the tokens that marks are: each one, but a run of full stops or of hyphens is one."""
    return len(re.sub(r"\.+|-+", ".", marks))


def _cuts(before: str, mark: str, after: str) -> bool:
    """Return whether a mark inside a word cuts it."""
    if not _is_core(before) or not _is_core(after):
        return False
    if mark == ".":
        return character_class(before) == LOWER and character_class(after) == UPPER
    return after.isalpha() and (mark in "/:=<>" or (mark in "-–—~," and before.isalpha()))


def _is_contraction(piece: str) -> bool:
    """Return whether a piece ends in an apostrophe between letters and one or two letters."""
    marks = [i for i, c in enumerate(piece) if not _is_core(c)]
    if not marks or piece[marks[-1]] not in "'’" or marks[-1] == 0:
        return False
    rest = piece[marks[-1] + 1 :]
    return piece[marks[-1] - 1].isalpha() and 1 <= len(rest) <= 2 and rest.isalpha()


def compression_ratio(data: bytes) -> float:
    """Return the size of bytes as an LZ4 block over their own, 0 for none.

    The compressor looks at each place for the last place whose four bytes have the same 12-bit hash, takes the match if there is one
    within 65,535 bytes, as long as it goes, and is never cleverer (block format: lz4.org, lz4_Block_format.md).
    """
    if not data:
        return 0.0
    places: dict[int, int] = {}
    size = at = literals = 0
    while at + 4 <= len(data):
        four = int.from_bytes(data[at : at + 4], "little")
        slot = (four * 2_654_435_761 & 0xFFFFFFFF) >> 20
        place, places[slot] = places.get(slot, -1), at
        if place < 0 or at - place > 0xFFFF or data[place : place + 4] != data[at : at + 4]:
            at, literals = at + 1, literals + 1
            continue
        length = 4
        while at + length < len(data) and data[at + length] == data[place + length]:
            length += 1
        size += 3 + literals + _extra(literals - 15) + _extra(length - 4 - 15)
        at, literals = at + length, 0
    literals += len(data) - at
    return (size + 1 + literals + _extra(literals - 15)) / len(data)


def _extra(beyond: int) -> int:
    """Return the bytes that a length takes beyond the 15 that its token holds."""
    return 0 if beyond < 0 else 1 + beyond // 255


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
        **{f"top_{n}_gram": _ratio(top_n_gram(words, n), len(text)) for n in (2, 3, 4)},
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


def top_n_gram(words: Sequence[str], n: int) -> int:
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
