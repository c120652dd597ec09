"""First half of the measures' kernel: one pass over the bytes splits a text into words and lines and counts characters and phrases."""

# One compiled loop over the characters: parts of it in functions of their own would cost a call a character.
# ruff: noqa: C901, PLR0912, PLR0915, PLR1714, SIM109
# numba unifies the integer types:
# mypy: disable-error-code="assignment,arg-type,no-any-return,return-value"
from __future__ import annotations

from typing import NamedTuple

import numba as nb
import numpy as np

from pipeline.text.characters import (
    BULLET,
    CLASS,
    LOWER,
    MARK,
    SEED,
    SPACE,
    SPACELESS,
    TERMINAL,
    UPPER,
    Bytes,
    CodePoints,
    Hashes,
    Integers,
    code_point,
    mix,
    step,
)
from pipeline.text.cues import SPACE_SYMBOL, Hits, States, Symbols
from pipeline.text.cues import SYMBOLS as CUE_SYMBOLS
from pipeline.text.kernels import numpy_kernel
from pipeline.text.letters import SYMBOLS as LETTERS
from pipeline.text.phrases import JAVASCRIPT, KINDS, LINK, LOREM, POLICY

CHARACTER_CLASSES = 9
(
    HASHES,
    ELLIPSES,
    NEWLINES,
    ALPHABETIC,
    CAPITALISED,
    EXCLAMATIONS,
    CURLY,
    SENTENCES,
    LONGEST,
    TRANSITIONS,
    SURPRISE,
    C4_LINES,
    C4_SENTENCES,
    C4_CURLY,
    C4_LOREM,
    C4_JAVASCRIPT,
    C4_POLICY,
    TOKENS,
    ALPHABETIC_TOKENS,
) = range(CHARACTER_CLASSES, CHARACTER_CLASSES + 19)
"""Counters beside those of the classes: hash signs, ellipses, newlines, words with a letter, words that begin with a capital,
exclamation marks, curly brackets, words that end a sentence, the longest word, letters and their surprise; lines that C4 keeps,
the sentences in them, and lines that it drops or drops the document for, by rule; tokens, and those with a letter."""
CUES = ALPHABETIC_TOKENS + 1
"""First of the counters of phrases."""
COUNTERS = CUES + KINDS

BULLET_MARK, ELLIPSIS_MARK, TERMINAL_MARK, GAP_MARK = 1, 2, 4, 8
"""What is known of a line: it begins with a bullet, ends in an ellipsis or in punctuation, or a blank line precedes it."""

C4_LONGEST_WORD, C4_LEAST_WORDS = 1000, 3
"""A line of C4's has no longer word, and at least so many."""

_HASH_SIGN, _DOT, _ELLIPSIS, _NEWLINE, _CURLY, _EXCLAMATION, _QUESTION, _OPEN, _CLOSE, _ZERO, _NINE = (
    ord(character) for character in "#.\u2026\n{!?[]09"
)
_DOUBLE, _SINGLE, _APOSTROPHE, _HYPHEN = (ord(character) for character in "\"'\u2019-")
_SLASH, _COLON, _EQUAL, _LESS, _GREATER, _EN_DASH, _EM_DASH, _TILDE, _COMMA = (
    ord(character) for character in "/:=<>\u2013\u2014~,"
)


class Tables(NamedTuple):
    """What the scan knows of characters, letters and phrases."""

    characters: CodePoints
    """Of each code point: its class with marks, its symbol in the tables of letters (from bit 8), its symbol in the automaton (from
    bit 16). In one word, as one look at memory a character is what the scan can afford."""
    lower: CodePoints
    following: States
    """The automaton's next state by state and symbol; `HIT` is set where a phrase ends."""
    hits: Hits
    cue_start: int


HIT = 0x8000
_STATE = 0x7FFF
_BYTE = 0xFF
STATE = 5
"""Length of the working memory: what was counted before the line."""


@numpy_kernel
def scan(
    data: Bytes,
    i: int,
    end: int,
    tables: Tables,
    surprise: Symbols,
    counts: Integers,
    before: Integers,
    word: Hashes,
    core: Hashes,
    length: Integers,
    line_start: Integers,
    line_marks: Bytes,
) -> tuple[int, int]:
    """Split one text into words and lines; return how many there are.

    `surprise` is the flat table of the text's language, zeros where it has none. `before` is working memory.
    """
    counts[:] = 0
    before[:] = 0
    words = lines = first = dots = longest = 0
    opening = ending = c4_last = np.uint32(0)
    gap = np.uint8(0)
    newline = True
    characters, following, hits = tables.characters, tables.following, tables.hits
    state, cue = np.int64(tables.cue_start), np.int64(SPACE_SYMBOL)
    pair = letter = np.int64(0)
    while i < end:
        code, after = code_point(data, i, end)
        if characters[code] & CLASS != SPACE:
            if first == words:
                opening = code
            i, ending, c4_last, dots, word[words], core[words], length[words], state, cue, pair, letter = _word(
                data, i, end, characters, tables.lower, following, hits, surprise, counts, state, cue, pair, letter
            )
            longest = max(longest, length[words])
            words += 1
            newline = False
            if i < end:
                continue
        else:
            i = after
            counts[SPACE] += 1
            newline = code == _NEWLINE
            counts[NEWLINES] += newline
        if cue != SPACE_SYMBOL:
            cue = np.int64(SPACE_SYMBOL)
            state = np.int64(following[state * CUE_SYMBOLS + cue])
            if state & HIT:
                state &= _STATE
                _hit(hits, state, counts)
        if letter:
            counts[SURPRISE] += surprise[(pair + letter) * LETTERS]
            counts[TRANSITIONS] += 1
            pair, letter = letter * LETTERS, np.int64(0)
        if newline or i == end:
            if words > first:
                ellipsis = ELLIPSIS_MARK if dots >= 3 or ending == _ELLIPSIS else 0
                bullet = BULLET_MARK if characters[opening] & BULLET else 0
                terminal = TERMINAL_MARK if characters[ending] & TERMINAL else 0
                line_start[lines] = first
                line_marks[lines] = gap | bullet | ellipsis | terminal
                counts[LONGEST] = max(counts[LONGEST], longest)
                _judge(counts, before, words - first, longest, c4_last, dots)
                lines, first, gap, longest = lines + 1, words, np.uint8(0), 0
            else:
                gap = np.uint8(GAP_MARK)
            state, cue = np.int64(tables.cue_start), np.int64(SPACE_SYMBOL)
            before[0], before[1] = counts[SENTENCES], counts[CURLY]
            before[2], before[3] = counts[CUES + JAVASCRIPT], counts[CUES + POLICY]
            before[4] = counts[CUES + LOREM]
    line_start[lines] = words
    return words, lines


@nb.njit(error_model="numpy", inline="always")  # a part of `scan`, and cached with it
def _judge(counts: Integers, before: Integers, words: int, longest: int, last: np.uint32, dots: int) -> None:
    """Count a line as C4 does: `pipeline/text/measures_reference.py`, `_of_c4`."""
    ends = last == _DOT or last == _EXCLAMATION or last == _QUESTION or last == _DOUBLE or last == _SINGLE
    if not ends or dots >= 3 or words < C4_LEAST_WORDS or longest > C4_LONGEST_WORD:
        return
    if counts[CUES + LOREM] > before[4]:
        counts[C4_LOREM] += 1
    elif counts[CUES + JAVASCRIPT] > before[2]:
        counts[C4_JAVASCRIPT] += 1
    elif counts[CURLY] > before[1]:
        counts[C4_CURLY] += 1
    elif counts[CUES + POLICY] > before[3]:
        counts[C4_POLICY] += 1
    else:
        counts[C4_LINES] += 1
        counts[C4_SENTENCES] += max(counts[SENTENCES] - before[0], 1)


@nb.njit(error_model="numpy", inline="always")  # a part of `scan`, and cached with it
def _cuts(mark: np.uint32, before: np.uint32, after: np.uint32) -> bool:
    """Return whether a mark inside a word, between characters of two classes, makes tokens of what it parts."""
    if mark == _DOT:
        return before == LOWER and after == UPPER
    if after > SPACELESS:
        return False
    if mark == _SLASH or mark == _COLON or mark == _EQUAL or mark == _LESS or mark == _GREATER:
        return True
    between = mark == _HYPHEN or mark == _EN_DASH or mark == _EM_DASH or mark == _TILDE or mark == _COMMA
    return between and before <= SPACELESS


@nb.njit(error_model="numpy")  # seldom called, so not inline; cached with `scan`
def _hit(hits: Hits, state: int, counts: Integers) -> None:
    """Count the phrases that end at a state."""
    for kind in range(KINDS):
        counts[CUES + kind] += hits[state, kind]


@nb.njit(error_model="numpy", inline="always")  # a part of `scan`, and cached with it
def _word(
    data: Bytes,
    i: int,
    end: int,
    characters: CodePoints,
    lower: CodePoints,
    automaton: States,
    hits: Hits,
    surprise: Symbols,
    counts: Integers,
    state: int,
    cue: int,
    pair: int,
    last: int,
) -> tuple[int, np.uint32, np.uint32, int, np.uint64, np.uint64, int, int, int, int, int]:
    """Read the word at byte i.

    A run of foreign letters and digits, or of spaces, is one symbol to the automaton. `pair` is the table's row of the letter before the last one,
    `last` the last; whatever is no letter counts once, after a letter; a combining mark (symbol 255) belongs to the letter before it.

    Returns
    -------
    The byte after the word, its last character, the last before citations such as "[12]", the dots it ends in, its hash, its core's,
    its length; the automaton's state and last symbol, and the two letters.
    """
    whole = core = kept = SEED
    begun = alphabetic = ends = cited = citing = False
    length = dots = 0
    bits = transitions = np.int64(0)
    code = held = np.uint32(0)
    earlier = before = kind = np.uint32(SPACE)
    # Tokens: `marks` stand since the last letter, mark or number and make `pending` tokens; `since` letters follow an apostrophe.
    marks = pending = outside = cut = contracted = alphabetic_pieces = since = 0
    lettered = False
    links = counts[CUES + LINK]
    while i < end:
        following, after = code_point(data, i, end)
        known = characters[following]
        if known & CLASS == SPACE:
            break
        previous, code, i = code, following, after
        earlier, before, kind = before, kind, known & np.uint32(CLASS)
        length += 1
        counts[kind] += 1
        whole = step(whole, np.uint64(code))
        symbol = np.int64(known >> np.uint32(16))
        if symbol != cue or (symbol != 0 and symbol != SPACE_SYMBOL):
            cue = symbol
            state = np.int64(automaton[state * CUE_SYMBOLS + symbol])
            if state & HIT:
                state &= _STATE
                _hit(hits, state, counts)
        letter = np.int64((known >> np.uint32(8)) & np.uint32(_BYTE))
        if letter != _BYTE and (letter or last):
            bits += surprise[(pair + last) * LETTERS + letter]
            transitions += 1
            pair, last = last * LETTERS, letter
        if LOWER <= kind <= MARK:
            core = step(core, np.uint64(lower[code]))
            kept = core
            letter_now = kind <= SPACELESS
            if not begun:
                counts[CAPITALISED] += kind == UPPER
                begun = True
                outside, pending, marks = pending, 0, 0
            elif marks:
                if marks == 1 and _cuts(previous, earlier, kind):
                    apart = 1 <= since <= 2
                    contracted += apart
                    alphabetic_pieces += lettered
                    cut += 1
                    lettered = False
                    since = 0
                elif (
                    marks == 1
                    and (previous == _SINGLE or previous == _APOSTROPHE)
                    and earlier <= SPACELESS
                    and letter_now
                ):
                    since = 1
                else:
                    since = 0
                marks = pending = 0
            elif since:
                since = since + 1 if letter_now else 0
            lettered |= letter_now
            alphabetic |= letter_now
            dots = 0
            ends = False
            if citing or cited:
                cited = False
                citing = citing and _ZERO <= code <= _NINE
            continue
        if begun:
            core = step(core, np.uint64(lower[code]))
        marks += 1
        if code == _DOT and before == UPPER and earlier != UPPER:
            pass  # belongs to the initial before it
        elif not ((code == _DOT or code == _HYPHEN) and previous == code):
            pending += 1
        if code == _OPEN:
            held = held if cited else previous
            citing, cited = True, False
        else:
            citing, cited = False, citing and code == _CLOSE
        if code == _DOT:
            dots += 1
            counts[ELLIPSES] += dots % 3 == 0
            # The full stop of an initial ("J.", "U.S.") and a run of dots end no sentence.
            ends = dots == 1 and not (before == UPPER and earlier != UPPER)
        else:
            dots = 0
            counts[ELLIPSES] += code == _ELLIPSIS
            counts[HASHES] += code == _HASH_SIGN
            counts[CURLY] += code == _CURLY
            if code == _EXCLAMATION or code == _QUESTION:
                counts[EXCLAMATIONS] += code == _EXCLAMATION
                ends = True
    counts[ALPHABETIC] += alphabetic
    if begun:
        if counts[CUES + LINK] == links:
            contracted += 1 <= since <= 2
            counts[TOKENS] += 2 * cut + contracted
            counts[ALPHABETIC_TOKENS] += alphabetic_pieces + lettered + contracted
        else:  # an address is one token
            counts[ALPHABETIC_TOKENS] += alphabetic
        outside += 1
    counts[TOKENS] += outside + pending
    counts[SENTENCES] += ends
    counts[SURPRISE] += bits
    counts[TRANSITIONS] += transitions
    return i, code, held if cited else code, dots, mix(whole), mix(kept), length, state, cue, pair, last
