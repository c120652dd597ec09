"""Sentences and forms with places for names, of which `pipeline.pii.names_train` makes training texts: what real names stand in.

Written for this project. `{p}` a person, `{f}` a first name, `{l}` a family name, `{c}` a city, `{n}` a country or state, `{a}` a street
address in one line, `{m}` an address in several, `{o}` an organisation. What follows a name decides as much as what precedes it, so
that most are short and many are alike.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

CARRIERS: tuple[str, ...] = (
    "My name is {p}.", "My name is {p} and I live in {c}.", "I am {p}, nice to meet you.", "This is {f} speaking.", "Hi, this is {p} from {o}.",
    "Hi {f}, how are you?", "Hello {f},\n\nthank you for your message.", "Dear {p},", "Dear Mr. {l},", "Dear Mrs. {l}, dear Mr. {l},", "Dr. {l} is out today.",
    "Best regards,\n{p}", "Yours sincerely,\n\n{p}\n{o}\n{m}", "Thanks,\n{f}", "Cheers, {f}", "-- \n{p}\n{c}, {n}", "{p}\n{m}", "{p}\n\n{m}\n", "{p}\n{o}\n{m}",
    ">{p}\n>{o}\n>{m}", "From: {p}\nTo: {p}\nSubject: your order", "Name: {p}\nAddress: {a}\nCity: {c}\nCountry: {n}", "First name: {f}\nLast name: {l}",
    "name:   {p}\naddress:   {a}", "Patient: {p}, born in {c}", "Contact: {p} ({o}), {c}", "Author: {p}", "Written by {p}", "Photo by {p}", "Directed by: {p}",
    "Posted by {p} on Monday", "By {p}", "{p} writes:", "{f} wrote:", "{l} said on Tuesday that nothing had changed.", '"We are glad," said {p}.',
    '"No," {f} replied.', "said {f} to {f}", "{f} told {f} about it", "{f} and {f} went home.", "{p} and {p} got married in {c}.", "{f}, {f} and {f} are here.",
    "They had four children: {f}, {f}, {f} and {f}.", "The founders are {p}, {p} and {p}.", "Our team: {p}, {p}, {p}.", "{l}, {l} and {l} (2014) show this.",
    "{p} is the CEO of {o}.", "{p}, CEO of {o}, will speak in {c}.", "{p} of {o} won the prize.", "{p} joined {o} as a nurse in 2009.", "{o}'s {p} agreed.",
    "Have you heard {p} speak?", "Did {f} call you?", "Is {f} there?", "Can I speak to {p}, please?", "Please ask for {f} at the desk.", "{f}, can you help me?",
    "I need to add {p} as a second holder of my account.", "Please remove {p} from the list.", "I would like to send 200 dollars to {p}.", "The card is in the name of {p}.",
    "Who is {p}?", "Tell me about {p}.", "I met {p} yesterday.", "{p} will give a talk.", "{p} was born in {c} in 1961.", "{p} grew up in {c}, {n}.", "{l} is a 44 year old man from {c}.",
    "Mr. {l} was a teacher in {c}.", "Ms. {l} moved to {n}.", "President {l} visited {n}.", "Senator {l} of {n} voted no.", "{f} is very kind.", "{f} is my friend.", "{f}'s sister lives in {n}.",
    "{p}'s new book is out.", "a song by {p}", "the best film of {p} since 1994", "I like {p} more than {p}.", "the band of {p} comes from {c}", "{p} (born 1950) is a painter.", "for my wife {f}",
    "I live in {c}.", "I moved to {c} last year.", "We moved here from {n}.", "I come from {n}", "She grew up in {c}.", "He was born and raised in {c}, {n}.", "I'm travelling to {n} in May.",
    "Is it cold in {c} now?", "How is the weather in {c}?", "What time is it in {n}?", "flights from {c} to {c}", "We drove from {c} to {c} and on to {n}.", "Our office is in {c}.", "Our offices are at {a}, {c}, {n}.",
    "the University of {c}", "the people of {n}", "the north of {n}", "northern {n}", "the capital of {n} is {c}", "{c} is the largest city in {n}.", "{c}, {n}", "{c} ({n})", "visit {c} in the spring",
    "songs from around the world come to {c}", "Shops in {c}, {c} and {c} are closed.", "The {o} of {c} was founded in 1988.", "the orchestra tours {n}", "{o} has an office in {c}.", "made in {n}", "exports to {n} fell",
    "I live at {a}.", "I live at {a}, {c}.", "She lives on {a}.", "My address is {a}.", "My new address is {a}, {c}, {n}.", "He gave her his address: {a}", "Send it to {a}, {c}.", "Please deliver to {m}",
    "Please change my address to {m}", "Meet me at {a}", "The bus stops at {a}.", "The driver stopped at the corner of {a} and {a}", "What is at {a}?", "You will find us at {a} in {c}.", "The shop at {a} is closed.", "{m}",
    "Billing address:\n{m}", "Ship to: {p}, {m}", "{o}\n{m}\nphone 555", "The parcel for {p}, {a}, {c} was lost.",
    "{o} is a company in {c}.", "I work for {o}.", "{o} announced a loss.", "{o} Inc. bought {o}.", "The {o} offers help.", "Read the {o} report.", "I used to work at {o}.", "{o} is an international bank.",
)  # fmt: skip
_STREETS = ("{w} Street", "{w} St", "{w} Road", "{w} Avenue", "{w} Ave.", "{w} Drive", "{w} Lane", "{w} Court", "{w} Way", "{w} Place", "{w}straße", "{w}gatan", "{w}vej", "{w}laan", "{w}gata", "{w}weg", "{w}utca {i}",
            "Rue {w}", "Rue de {w}", "Avenue de {w}", "Via {w} {i}", "Piazza {w} {i}", "Calle {w} {i}", "Avda. {w} {i}", "Rua {w} {i}", "ul. {w} {i}", "P.O. Box {i}", "{w} {i}", "{w} {w} {i}")  # fmt: skip
_ENDINGS = (
    "Ltd",
    "Inc",
    "Group",
    "Systems",
    "Bank",
    "Partners",
    "Foods",
    "Media",
    "Software",
    "Foundation",
    "Airlines",
    "Institute",
    "",
)


def made_texts(
    places: Sequence[str], first: Sequence[str], family: Sequence[str], copies: int, seed: int
) -> Iterator[dict[str, Any]]:
    """Yield labelled texts: each carrier so many times, with other names each time."""
    drawn = random.Random(seed)  # noqa: S311 - repeatable on purpose

    def street() -> str:
        name = drawn.choice(_STREETS).format(w=drawn.choice(family), i=drawn.randint(1, 900))
        return f"{drawn.randint(1, 9999)} {name}" if drawn.random() < 0.8 else name

    def lines() -> str:
        gap = drawn.choice(("\n", "\n ", ", ", "\n\n "))
        flat = drawn.choice(
            (
                "",
                f"{gap}Apt. {drawn.randint(1, 999)}",
                f"{gap}Suite {drawn.randint(1, 999)}",
                f" Apt. {drawn.randint(1, 99)}",
            )
        )
        code = drawn.randint(1000, 99999)
        town = drawn.choice(places)
        tail = drawn.choice(
            (
                f"{town} {code}",
                f"{code} {town}",
                f"{town}{gap}{drawn.choice(places)} {code}",
                f"{town}, {drawn.choice(places)}",
            )
        )
        return f"{street()}{flat}{gap}{tail}"

    def person() -> str:
        middle = f" {drawn.choice('ABCDEFGHJKLMNPRSTW')}{drawn.choice(('.', ''))}" if drawn.random() < 0.2 else ""
        return f"{drawn.choice(first)}{middle} {drawn.choice(family)}"

    def organization() -> str:
        return f"{drawn.choice(family)} {drawn.choice(_ENDINGS)}".strip()

    def city() -> str:
        place = drawn.choice(places)
        return place.upper() if drawn.random() < 0.05 else place

    makers: dict[str, tuple[str, Callable[[], str]]] = {
        "p": ("PERSON", person),
        "f": ("PERSON", partial(drawn.choice, first)),
        "l": ("PERSON", partial(drawn.choice, family)),
        "c": ("LOCATION", city),
        "n": ("LOCATION", partial(drawn.choice, places)),
        "a": ("LOCATION", street),
        "m": ("LOCATION", lines),
        "o": ("ORGANIZATION", organization),
    }
    for carrier in CARRIERS:
        for _ in range(copies):
            text, spans, rest = "", [], carrier
            while "{" in rest:
                before, _, rest = rest.partition("{")
                kind, maker = makers[rest[0]]
                rest = rest[2:]
                value = maker()
                text += before
                spans.append({"type": kind, "start": len(text), "end": len(text) + len(value)})
                text += value
            text += rest
            small = text.lower()
            yield {"text": small if drawn.random() < 0.08 and len(small) == len(text) else text, "spans": spans}
