"""Bad text made from good text, so that a model learns form and not topic, length, era or format.

Every corruption is a pure function of a text and a generator; its output keeps words and rough length of its input.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from pipeline.text.function_words import ENGLISH as FUNCTION_WORDS

Corruption = Callable[[str, np.random.Generator], str]

_SYMBOLS = list("#@$%^&*_+=|\\/<>~{}[]0123456789")
_KEYS = list("asdfjklqwertyuiopzxcvbnm")


def shuffled_characters(text: str, generator: np.random.Generator) -> str:
    """Shuffle the letters inside every word."""
    return "\n".join(
        " ".join("".join(generator.permutation(list(word))) for word in line.split()) for line in text.split("\n")
    )


def keyboard_mash(text: str, generator: np.random.Generator) -> str:
    """Replace every word by random keys of a random length."""
    words = text.split()
    sizes = generator.integers(2, 12, len(words))
    return " ".join("".join(generator.choice(_KEYS, size)) for size in sizes)


def repeated_lines(text: str, generator: np.random.Generator) -> str:
    """Repeat a few sentences of the text until its length is reached."""
    sentences = [part for part in text.replace("\n", " ").split(". ") if part.strip()]
    if not sentences:
        return text
    chosen = [sentences[i] for i in generator.integers(0, len(sentences), int(generator.integers(1, 4)))]
    count = max(len(text) // max(sum(map(len, chosen)), 1), 3)
    return "\n".join(sentence + "." for sentence in chosen * count)


def repeated_phrase(text: str, generator: np.random.Generator) -> str:
    """Repeat one phrase of two to six words in one line."""
    words = text.split()
    begin = int(generator.integers(0, max(len(words) - 6, 1)))
    phrase = words[begin : begin + int(generator.integers(2, 7))]
    return " ".join(phrase * max(len(words) // max(len(phrase), 1), 4))


def navigation(text: str, generator: np.random.Generator) -> str:
    """Turn the text into a menu: one to three capitalised words a line, without function words."""
    words = [word.strip(".,;:!?\"'()") for word in text.split()]
    words = [word.title() for word in words if word.isalpha() and word.lower() not in FUNCTION_WORDS]
    lines, i = [], 0
    while i < len(words):
        size = int(generator.integers(1, 4))
        lines.append(" ".join(words[i : i + size]))
        i += size
    return str(generator.choice(["\n", "\n", " | ", " » "])).join(lines)


def symbol_noise(text: str, generator: np.random.Generator) -> str:
    """Replace a tenth to a half of the characters by symbols and digits."""
    characters = np.array(list(text), dtype=object)
    hit = (generator.random(len(characters)) < generator.uniform(0.1, 0.5)) & (characters != "\n") & (characters != " ")
    characters[hit] = generator.choice(_SYMBOLS, int(hit.sum()))
    return "".join(characters)


def table(text: str, generator: np.random.Generator) -> str:
    """Turn the text into rows of a word and numbers."""
    words = [word.strip(".,;:") for word in text.split()]
    rows = [
        f"{word}\t{number:.2f}\t{number * 7 % 1000:.0f}"
        for word, number in zip(words, generator.random(len(words)) * 1000, strict=True)
    ]
    return "\n".join(rows[: max(len(rows) // 3, 1)])


def listing(text: str, generator: np.random.Generator) -> str:
    """Turn the text into paths or key-value lines."""
    words = [word.strip(".,;:!?\"'()").lower() for word in text.split()]
    joint = str(generator.choice(["/", "_", "=", "."]))
    lines = [joint.join(words[i : i + 3]) for i in range(0, len(words), 3)]
    return "\n".join(("/" if joint == "/" else "") + line for line in lines)


def shouting(text: str, generator: np.random.Generator) -> str:
    """Write the text in capitals with runs of exclamation marks."""
    marks = generator.integers(1, 5)
    return text.upper().replace(".", "!" * int(marks))


CORRUPTIONS: dict[str, Corruption] = {
    "shuffled_characters": shuffled_characters,
    "keyboard_mash": keyboard_mash,
    "repeated_lines": repeated_lines,
    "repeated_phrase": repeated_phrase,
    "navigation": navigation,
    "symbol_noise": symbol_noise,
    "table": table,
    "listing": listing,
    "shouting": shouting,
}


def notice(text: str, generator: np.random.Generator) -> str:
    """Write a seventh to two fifths of the text in capitals, as licences do: ordinary text, not a corruption."""
    words = text.split(" ")
    size = int(len(words) * generator.uniform(0.15, 0.4))
    begin = int(generator.integers(0, len(words) - size + 1))
    return " ".join([*words[:begin], *(word.upper() for word in words[begin : begin + size]), *words[begin + size :]])


def truncated(text: str, generator: np.random.Generator, shortest: int = 6) -> str:
    """Cut a text to a random number of words, log-uniform from `shortest` to its own length, at a random place."""
    words = text.split(" ")
    if len(words) <= shortest:
        return text
    size = int(np.exp(generator.uniform(np.log(shortest), np.log(len(words)))))
    begin = int(generator.integers(0, len(words) - size + 1))
    return " ".join(words[begin : begin + size])
