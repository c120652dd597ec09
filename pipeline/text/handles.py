"""Handles of people in a post's text, replaced by one word for all: who wrote or was addressed is no part of a corpus.

Replaced are mentions ("@name", "@name@host", "u/name"), the part of an address that names a profile, and names that the caller knows
(the post's author, people whom it mentions) where they stand as words. The replacement for a mention is "@user", as in TweetEval
(Barbieri et al., "TweetEval: Unified Benchmark and Comparative Evaluation for Tweet Classification", 2020, section 3).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

MENTION = "@user"
REDDITOR = "u/user"
_SHORTEST = 4
"""Characters of a known name that is replaced without a sign before it: shorter ones are words too often."""
_LONGEST = 256
"""Characters of a known name; no network allows longer ones (the longest, a domain name on Bluesky, has 253)."""
_FEW = 8
"""Names that are looked for one by one first: most texts hold none."""
_PIECE = re.compile(r"\w+|[^\w\s]")

# Clients put marks of direction and joiners, which nobody sees, around a handle.
_UNSEEN = "[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]*"
_NAME = r"\w+(?:[.-]+\w+)*"
_AT = re.compile(
    rf"(?<![\w@/+-])(?<!\w\.)[@\uff20]{_UNSEEN}{_NAME}(?:{_UNSEEN}[@\uff20]{_UNSEEN}{_NAME})*(?:{_UNSEEN}(?![\w@\uff20]|[.-]+\w))?"
)
_U = re.compile(r"(?<![\w/.@])(?:u|user)/[\w-]+", re.IGNORECASE)
_PATH = re.compile(
    r"(?<=/)(?:@[\w.%-]*\w(?:@[\w.-]*\w)*|(?<!(?<![\w/.@])u/)(u|users?|profile)/[\w.:%-]*\w)",
    re.IGNORECASE,
)
_SITE = re.compile(
    r"(?<![\w-])((?:www\.|mobile\.|m\.)?(?:twitter|x|instagram|threads|tiktok|facebook)\.(?:com|net)/)(?!user\b)[\w.]+",
    re.IGNORECASE,
)


def without_handles(text: str, names: Iterable[str] = ()) -> str:
    """Return a text with handles replaced.

    Parameters
    ----------
    text
        The text of a post.
    names
        Handles that belong to the post: of its author, of those it mentions. With or without their sign and host.

    Examples
    --------
    >>> without_handles("Ask @anna@example.org or /u/bob_2, not me@example.org")
    'Ask @user or /u/user, not me@example.org'
    >>> without_handles("See https://example.org/@anna/1, signed felix99", ["felix99"])
    'See https://example.org/@user/1, signed @user'
    """
    text = _PATH.sub(lambda match: f"{match[1]}/user" if match[1] else MENTION, text)
    text = _SITE.sub(r"\1user", text)
    text = _AT.sub(MENTION, text)
    text = _U.sub(REDDITOR, text)
    known = {name.strip().lstrip("@").split("@")[0] for name in names}
    known = {name for name in known if _SHORTEST <= len(name) <= _LONGEST}
    return _without_names(text, known) if len(known) > _FEW or any(name in text for name in known) else text


def _without_names(text: str, names: set[str]) -> str:
    """Return a text with names replaced that stand in it as words, the longest that fits; one pass, however many names there are."""
    lengths: dict[str, set[int]] = {}
    for name in names:
        if first := _PIECE.match(name):
            lengths.setdefault(first[0], set()).add(len(name))
    parts: list[str] = []
    done = 0
    for piece in _PIECE.finditer(text):
        start = piece.start()
        if piece[0] not in lengths or start < done or _sticks(text[start - 1 : start], "@/"):
            continue
        for length in sorted(lengths[piece[0]], reverse=True):
            end = start + length
            if text[start:end] in names and not _sticks(text[end : end + 1], ""):
                parts += [text[done:start], MENTION]
                done = end
                break
    return "".join([*parts, text[done:]])


def _sticks(character: str, others: str) -> bool:
    """Return whether a character beside a name, or none at the text's end, makes it a part of something else."""
    return character != "" and (character.isalnum() or character == "_" or character in others)
