"""Phrases that say what a line is: C4's, links, the furniture of web pages, the voice of advertising; and the automaton that finds them.

Phrases are matched in a line as the automaton sees it: ASCII letters in lower case, a run of other letters and digits as one "0", a run
of anything else as one space, with a space at both ends. So " act now " is matched as whole words, and "javascript" anywhere.
"""

from __future__ import annotations

import re
from collections import deque
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pipeline.text.characters import CODE_POINTS, DIGIT, LOWER, MARK, SPACELESS, UPPER, tables

Symbols = npt.NDArray[np.uint8]
States = npt.NDArray[np.uint16]
Hits = npt.NDArray[np.uint8]

JAVASCRIPT, POLICY, LOREM, LINK, BOILERPLATE, SPAM = range(6)
KINDS = 6
"""Kinds of phrases: C4's three, addresses of links, page furniture, advertising."""

PHRASES: dict[int, tuple[str, ...]] = {
    JAVASCRIPT: ("javascript",),
    POLICY: ("terms of use", "privacy policy", "cookie policy", "uses cookies", "use of cookies", "use cookies"),
    LOREM: ("lorem ipsum",),
    LINK: (" http", " www "),
    BOILERPLATE: tuple(
        f" {phrase} "
        for phrase in [
            "accept cookies",
            "add to cart",
            "add to wishlist",
            "all rights reserved",
            "back to top",
            "buy now",
            "checkout",
            "click to enlarge",
            "close menu",
            "contact us",
            "cookie settings",
            "copyright 0",
            "create an account",
            "customer reviews",
            "enable javascript",
            "faq",
            "follow us",
            "forgot password",
            "forgot your password",
            "go to top",
            "home page",
            "in stock",
            "items in cart",
            "join now",
            "leave a comment",
            "leave a reply",
            "load more",
            "log in",
            "login",
            "log out",
            "logout",
            "main menu",
            "my account",
            "newsletter",
            "next page",
            "next post",
            "no comments",
            "out of stock",
            "page not found",
            "password",
            "permalink",
            "posted by",
            "powered by",
            "previous page",
            "previous post",
            "print this page",
            "privacy",
            "product description",
            "read more",
            "recent posts",
            "register",
            "related articles",
            "related posts",
            "related products",
            "remember me",
            "report abuse",
            "rss feed",
            "search results",
            "see all",
            "share on facebook",
            "share on twitter",
            "share this",
            "shopping cart",
            "show more",
            "sign in",
            "sign up",
            "site map",
            "sitemap",
            "skip to content",
            "skip to main content",
            "sort by",
            "subscribe",
            "tags",
            "terms and conditions",
            "terms of service",
            "toggle navigation",
            "trackback",
            "tweet",
            "username",
            "view all",
            "view cart",
            "view more",
            "you are here",
            "your cart",
            "your email address will not be published",
        ]
    ),
    SPAM: tuple(
        f" {phrase} "
        for phrase in [
            "0 0 0",
            "0 discount",
            "0 free",
            "0 guarantee",
            "0 guaranteed",
            "0 off",
            "absolutely free",
            "act now",
            "act today",
            "adult",
            "affiliate",
            "all natural",
            "amazing",
            "as seen on",
            "at no cost",
            "award",
            "bargain",
            "be removed",
            "best deal",
            "best price",
            "best prices",
            "best rates",
            "bonus",
            "bulk email",
            "buy direct",
            "call free",
            "call now",
            "call today",
            "cash",
            "casino",
            "cheap",
            "cheapest",
            "cialis",
            "claim",
            "claim your",
            "click below",
            "click here",
            "click on the link",
            "click the link",
            "congratulations",
            "credit card",
            "credit cards",
            "dear friend",
            "dear sir",
            "debt",
            "deposit",
            "discount",
            "discounts",
            "do not reply",
            "don t delay",
            "don t miss",
            "don t miss out",
            "double your",
            "downline",
            "earn",
            "earn money",
            "earnings",
            "email list",
            "exclusive offer",
            "extra income",
            "fast cash",
            "financial freedom",
            "for free",
            "for only",
            "free",
            "free access",
            "free gift",
            "free shipping",
            "free trial",
            "fully legal",
            "get paid",
            "get rich",
            "gift",
            "girls",
            "guarantee",
            "guaranteed",
            "herbal",
            "home based business",
            "hot",
            "huge savings",
            "hurry",
            "income",
            "incredible",
            "increase your sales",
            "instant",
            "investment",
            "investors",
            "jackpot",
            "join free",
            "limited offer",
            "limited time",
            "loan",
            "loans",
            "lose weight",
            "lottery",
            "low cost",
            "low price",
            "low prices",
            "lowest price",
            "lowest rates",
            "luxury",
            "make money",
            "mailing list",
            "marketing",
            "millionaire",
            "million dollars",
            "miracle",
            "mlm",
            "mortgage",
            "multi level",
            "naked",
            "near you",
            "no catch",
            "no cost",
            "no credit check",
            "no fees",
            "no obligation",
            "no prescription",
            "no purchase",
            "no risk",
            "offer",
            "offer expires",
            "offers",
            "online pharmacy",
            "opportunity",
            "opt in",
            "opt out",
            "order by",
            "order now",
            "order today",
            "order your",
            "passwords",
            "pay only",
            "penis",
            "pharmacy",
            "pills",
            "porn",
            "prescription",
            "prize",
            "prizes",
            "profit",
            "profits",
            "promotion",
            "promotional",
            "quick and easy",
            "refinance",
            "removal instructions",
            "remove me",
            "removed from our",
            "replica",
            "reply with",
            "risk free",
            "rolex",
            "sale",
            "satisfaction",
            "save big",
            "save money",
            "save up to",
            "sex",
            "sexy",
            "shop now",
            "sign up free",
            "special offer",
            "special offers",
            "special price",
            "stock alert",
            "stop snoring",
            "subject remove",
            "text stop",
            "text to",
            "this message was sent",
            "toll free",
            "top quality",
            "trial",
            "txt",
            "unclaimed",
            "unlimited",
            "unsolicited",
            "unsubscribe",
            "urgent",
            "viagra",
            "vip",
            "visit our website",
            "visit our site",
            "weight loss",
            "while supplies last",
            "wholesale",
            "win",
            "winner",
            "winners",
            "winning",
            "wonderful",
            "work at home",
            "work from home",
            "xxx",
            "you have been selected",
            "you have won",
            "your family s",
            "your name and address",
            "your own business",
        ]
    ),
}
"""The first three kinds are C4's (Raffel et al. 2020, JMLR 21/140), as DataTrove 0.10 has them; the others are ours, of general knowledge, not drawn from a training set."""

LANGUAGES = frozenset({"en"})
"""Languages that page furniture and advertising are listed for."""

SYMBOLS = 28
OTHER, SPACE_SYMBOL = 0, 27
"""Symbols beside the letters' 1 to 26: a digit or a letter outside ASCII, and everything else."""


class Automaton(NamedTuple):
    """A deterministic automaton over symbols (Aho and Corasick 1975)."""

    symbols: Symbols
    """Symbol of each code point."""
    following: States
    """Shape (states * 28,): the state after a symbol."""
    hits: Hits
    """Shape (states, KINDS): how many phrases of each kind end at a state."""
    hit: Symbols
    """Shape (states,): whether any does."""
    start: int
    """The state at the begin of a line: one space was seen."""


@lru_cache(maxsize=64)
def line_as_matched(line: str) -> str:
    """Return a line as phrases are matched in it.

    >>> line_as_matched("Buy 2, get it FREE!")
    ' buy 0 get it free '
    """
    mapped = "".join(_mapped(character) for character in line)
    return re.sub(r"( |0)\1+", r"\1", f" {mapped} ")


def count(line: str, kind: int) -> int:
    """Return how often phrases of a kind stand in a line, overlaps included.

    >>> count("Read more: https://example.org", LINK)
    1
    """
    seen = line_as_matched(line)
    total = 0
    for phrase in _anywhere(kind):
        at = seen.find(phrase)
        while at >= 0:
            total += 1
            at = seen.find(phrase, at + 1)
    by_word, at = _by_first_word(kind), 0
    for word in seen.split(" ")[1:-1]:
        total += sum(seen.startswith(phrase, at) for phrase in by_word.get(word, ()))
        at += len(word) + 1
    return total


@lru_cache(maxsize=KINDS)
def _anywhere(kind: int) -> tuple[str, ...]:
    """Return the phrases of a kind that need not stand alone."""
    return tuple(phrase for phrase in PHRASES[kind] if not (phrase[0] == " " == phrase[-1]))


@lru_cache(maxsize=KINDS)
def _by_first_word(kind: int) -> dict[str, list[str]]:
    """Return the others by their first word."""
    found: dict[str, list[str]] = {}
    for phrase in PHRASES[kind]:
        if phrase[0] == " " == phrase[-1]:
            found.setdefault(phrase.split()[0], []).append(phrase)
    return found


def _mapped(character: str) -> str:
    code = ord(character)
    kind = int(tables()[0][code]) & 0x0F
    if character.isascii() and character.isalpha():
        return character.lower()
    return "0" if kind in {LOWER, UPPER, SPACELESS, DIGIT, MARK} else " "


@lru_cache(maxsize=1)
def automaton() -> Automaton:
    """Return the automaton of all phrases."""
    goto: list[dict[int, int]] = [{}]
    hits: list[list[int]] = [[0] * KINDS]
    for kind, phrases in PHRASES.items():
        for phrase in phrases:
            state = 0
            for character in phrase:
                symbol = SPACE_SYMBOL if character == " " else (OTHER if character == "0" else ord(character) - 96)
                if symbol not in goto[state]:
                    goto[state][symbol] = len(goto)
                    goto.append({})
                    hits.append([0] * KINDS)
                state = goto[state][symbol]
            hits[state][kind] += 1
    following = np.zeros((len(goto), SYMBOLS), np.uint16)
    fallback = [0] * len(goto)
    queue = deque([0])
    while queue:
        state = queue.popleft()
        for symbol in range(SYMBOLS):
            after = goto[state].get(symbol)
            missing = int(following[fallback[state], symbol]) if state else 0
            if after is None:
                following[state, symbol] = missing
                continue
            following[state, symbol] = after
            fallback[after] = missing
            hits[after] = [a + b for a, b in zip(hits[after], hits[missing], strict=True)]
            queue.append(after)
    counted = np.array(hits, np.uint8)
    classes = tables()[0] & 0x0F
    symbols = np.full(CODE_POINTS, SPACE_SYMBOL, np.uint8)
    symbols[np.isin(classes, [LOWER, UPPER, SPACELESS, DIGIT, MARK])] = OTHER
    for code in range(26):
        symbols[ord("a") + code] = symbols[ord("A") + code] = code + 1
    start = int(following[0, SPACE_SYMBOL])
    hit: Symbols = np.asarray(counted.max(axis=1) > 0, np.uint8)
    return Automaton(symbols, following.ravel(), counted, hit, start)
