"""Training texts for `pipeline.pii.names_train`: sentences and forms of our own (`names_carriers.txt`) with names in their places.

A line of that file is a carrier: ``{p}`` a person, ``{f}`` a first name, ``{l}`` a family name, ``{c}`` a city, ``{n}`` a country or
state, ``{a}`` a street address in one line, ``{m}`` an address in several, ``{o}`` an organisation, all of which are labelled; ``{j}`` a
job, ``{g}`` a nationality, ``{h}`` a day or month, ``{y}`` a year, ``{d}`` a date, ``{i}`` a number, ``{k}`` an account's number, ``{t}``
a telephone number, ``{e}`` an e-mail address, ``{u}`` a web address, which are not. ``[a|b]`` stands for one of its alternatives, ``[Q]``
for a sign of quotation, the same before every line of the carrier.

Names come from lists, and a share is invented after their pattern (`Inventor`): most names that the model will meet are on no list.
"""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

CARRIERS: tuple[str, ...] = tuple(
    line.replace("\\n", "\n").replace("\\t", "\t")
    for line in Path(__file__).with_suffix(".txt").read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("# ")
)
_CHOICE = re.compile(r"\[([^\[\]]*)\]")
_PLACE = re.compile(r"\{(\w)\}")
_INVENTED, _SMALL, _LARGE = 0.3, 0.08, 0.02

_STREETS = (
    "{w} Street", "{w} St", "{w} St.", "{w} Road", "{w} Rd", "{w} Avenue", "{w} Ave.", "{w} Ave", "{w} Drive", "{w} Lane", "{w} Court", "{w} Way",
    "{w} Place", "{w} Crescent", "{w} Terrace", "{w} Close", "{w} Boulevard", "{w} Blvd", "{w} Square", "{w} Hill", "{w} Park", "{w} Gardens",
    "{w} Plaza", "{w} Highway", "{w} Parkway", "{w} Circle", "{w} Walk", "{w} Meadows", "{w} Ridge", "{w} Isle", "{w} {s}", "{w} {s}", "{w} {s}", "{f} {s}", "{w} {w} {s}", "{w} {s}s", "{w}{v} {i} {w} {s}", "{i} {w} {s}", "{w} Loop", "{w} Pike", "{w} Cove", "North {w}",
    "{w}straße {i}", "{w}strasse {i}", "{w}str. {i}", "{w}gasse {i}", "{w}weg {i}", "{w}platz {i}", "Am {w} {i}", "Alte {w}straße {i}", "{w}gatan {i}",
    "{w}vägen {i}", "{w} gränd {i}", "{w}vej {i}", "{w}gade {i}", "{w}allé {i}", "{w}laan {i}", "{w}straat {i}", "{w}kade {i}", "{w}gata {i}", "{w}veien {i}", "{w} terrasse {i}",
    "{w}katu {i}", "{w}tie {i}", "{w}kuja {i}", "{w} utca {i}.", "{w} u. {i}.", "{w} út {i}.", "{w} tér {i}.", "{w} körút {i}.", "ul. {w} {i}", "{w}ska {i}", "{w}ova {i}", "ulica {w} {i}",
    "Rue {w}", "{i} rue de {w}", "{i}, rue {w}", "{i} Avenue de {w}", "Boulevard {w}", "{i} place {w}", "Chemin du {w} {i}", "Via {w} {i}", "Via {f} {w} {i}", "Piazza {w} {i}", "Corso {w} {i}",
    "Viale {w} {i}", "Strada {w} {i}", "Calle {w} {i}", "C/ {w} {i}", "Avda. {w} {i}", "Avenida {w} {i}", "Plaza de {w} {i}", "Camino {w} {i}", "Rua {w} {i}", "Rua {f} {w} {i}", "Travessa {w} {i}",
    "Largo {w} {i}", "Praça {w} {i}", "Rúa {w} {i}", "{w} pst {i}", "{w} tn {i}", "{w} iela {i}", "{w} g. {i}", "{w} {i}", "{w} {w} {i}", "{w}{v} {i}", "{w} {w}", "{w}", "{f} {w} {i}",
    "P.O. Box {i}", "PO Box {i}", "Postbox {i}", "Postfach {i}", "{i}th Street", "{i} Mile Road", "Hwy {i}", "County Road {i}",
)  # fmt: skip
_WAYS = (
    "Alley", "Annex", "Arcade", "Bend", "Bridge", "Brook", "Bypass", "Canyon", "Causeway", "Center", "Corner", "Creek", "Crossing", "Dale", "Estate", "Extension", "Field", "Flat", "Ford", "Forest",
    "Forge", "Fort", "Freeway", "Garden", "Gateway", "Glen", "Green", "Grove", "Harbor", "Haven", "Heights", "Hollow", "Island", "Junction", "Key", "Knoll", "Lake", "Landing", "Lock", "Lodge", "Mall", "Manor",
    "Mews", "Mill", "Mission", "Motorway", "Mount", "Mountain", "Orchard", "Oval", "Overpass", "Parade", "Park", "Pass", "Passage", "Path", "Pine", "Plain", "Point", "Port", "Prairie", "Quay", "Radial", "Ramp", "Ranch",
    "Rapid", "Rest", "Rise", "River", "Route", "Row", "Run", "Shore", "Skyway", "Spring", "Spur", "Station", "Stream", "Summit", "Throughway", "Trace", "Track", "Trail", "Tunnel", "Turnpike", "Underpass", "Union",
    "Valley", "Via", "View", "Village", "Ville", "Vista", "Wall", "Well", "Wharf", "Yard",
)  # fmt: skip
_SUFFIXES = ("holmen", "berg", "dalen", "feld", "hof", "vang", "ring", "mark", "hus", "lund", "tun", "sti")
_FLATS = (
    "Apt. {i}",
    "Apt {i}",
    "Suite {i}",
    "Ste. {i}",
    "Unit {i}",
    "#{i}",
    "Flat {i}",
    "Floor {i}",
    "Room {i}",
    "Apartment {i}",
)
_ENDINGS = (
    "Ltd", "Ltd.", "Inc", "Inc.", "LLC", "GmbH", "AG", "Corp.", "Corporation", "Company", "Co.", "Group", "Systems", "Bank", "Partners", "Foods", "Media", "Software",
    "Foundation", "Airlines", "Institute", "Insurance", "Holdings", "Capital", "Consulting", "Analytics", "Labs", "Networks", "Energy", "Motors", "Financial", "Health",
    "Research", "Technologies", "Data", "Solutions", "Services", "Records", "Press", "Union", "Club", "United",
)  # fmt: skip
_BODIES = (
    "University of {c}", "{c} City Council", "Bank of {c}", "{c} Times", "{c} United", "Ministry of {q}", "Department of {q}", "Center for {q}", "{c} Museum of {q}",
    "National Institute of {q}", "Institute for {q}", "{q} International", "{q} Weekly", "American {q} Association", "First {q}", "The {q} Company", "{c} {q} Agency", "U.{x}.", "{x}{x}{x}", "{x}{x}", "{x}&{x}",
)  # fmt: skip
_SUBJECTS = (
    "Health", "Education", "Science", "Transport", "Justice", "Energy", "Music", "Art", "Labor", "Defense", "Housing", "Food", "Design", "Finance", "Agriculture", "History",
    "Digital Services", "Public Policy", "Foreign Affairs", "Data", "Sport", "Weather", "Entertainment", "Business", "Technology",
)  # fmt: skip
_BRANDS = (
    "open", "data", "cloud", "health", "credit", "smart", "green", "net", "info", "my", "red", "blue", "fast", "home", "food", "city", "code", "work", "law", "street", "market",
    "pay", "trade", "share", "book", "mind", "sun", "sky", "live", "bright", "true", "link", "map", "stock", "life", "zen", "quant", "geo", "bio", "nova", "meta", "tele",
)  # fmt: skip
_BRAND_ENDINGS = ("ly", "io", "ify", "hub", "base", "wise", "point", "labs", "works", "grid", "scope", "coder", "counter", "pedia", "ster", "ia", "ix", "ax", "ora", "eo")  # fmt: skip
_JOBS = (
    "nurse", "teacher", "software engineer", "accountant", "plumber", "head of sales", "project manager", "technical writer", "dentist", "sales clerk", "carpenter", "chief executive",
    "Product Manager", "Software Engineer", "Data Analyst", "Lawyer", "Electrician", "Vice President of Marketing", "Nurse practitioner", "Tax examiner", "Pilot", "Truck driver", "Chef",
    "Librarian", "Machine operator", "Court clerk", "Social worker", "Dancer", "Painter", "Police officer", "Radio announcer", "Civil engineer", "Bus mechanic", "Packer", "Stage manager",
    "Financial advisor", "Research assistant", "Security guard", "Singer", "Bishop", "Mason", "Baker", "Cook", "Butler", "Porter", "Tower operator", "Tailor", "Barber", "Systems administrator", "Journalist",
)  # fmt: skip
_NATIONS = (
    "French", "German", "Italian", "Spanish", "Russian", "Chinese", "Japanese", "American", "British", "Swedish", "Danish", "Norwegian", "Finnish", "Dutch", "Belgian", "Swiss",
    "Austrian", "Polish", "Czech", "Hungarian", "Greek", "Turkish", "Portuguese", "Brazilian", "Mexican", "Canadian", "Australian", "Indian", "Korean", "Irish", "Scottish", "Welsh",
    "Latin", "Arab", "Jewish", "Israeli", "Egyptian", "Iranian", "Thai", "Vietnamese", "Cuban", "African", "European", "Asian", "English", "Tunisian", "Croatian", "Slovenian", "Estonian", "Icelandic",
    "Ukrainian", "Romanian", "Argentine", "Americans", "Germans", "Swedes", "Italians", "Canadians", "Russians", "Indians",
)  # fmt: skip
_DAYS = (
    "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday", "January", "February", "March", "April", "June", "July", "August", "September", "October",
    "November", "December", "Christmas", "Easter", "Mon", "Fri", "Sat",
)  # fmt: skip


class Inventor:
    """Makes words after the pattern of a list: of a word's next letter it knows how often it follows the three before it.

    Parameters
    ----------
    words
        The list; what is no word of letters is left out.
    """

    def __init__(self, words: Sequence[str]) -> None:
        self._next: dict[str, list[str]] = defaultdict(list)
        for word in words:
            if word.isalpha() and len(word) > 3:
                for i in range(len(word) + 1):
                    self._next[word[max(0, i - 3) : i]].append(word[i : i + 1])

    def word(self, drawn: random.Random) -> str:
        """Return a new word, of four letters to twelve if the list allows."""
        word = ""
        for _ in range(20):
            word = ""
            while len(word) < 14 and (letter := drawn.choice(self._next.get(word[-3:]) or [""])):
                word += letter
            if 4 <= len(word) <= 12:
                break
        return word or "Ada"


class Maker:
    """Draws what a carrier's places are filled with.

    Parameters
    ----------
    places, first, family
        Names, see `pipeline.pii.names_train`.
    drawn
        Where chance comes from.
    """

    def __init__(
        self, places: Sequence[str], first: Sequence[str], family: Sequence[str], drawn: random.Random
    ) -> None:
        self.drawn = drawn
        self._lists = {"places": places, "first": first, "family": family}
        self._inventors = {name: Inventor(words) for name, words in self._lists.items()}
        self.made: dict[str, tuple[str, Callable[[], str]]] = {
            "p": ("PERSON", self.person), "f": ("PERSON", self.first), "l": ("PERSON", self.family), "c": ("LOCATION", self.city),
            "n": ("LOCATION", self.city), "a": ("LOCATION", self.street), "m": ("LOCATION", self.address), "o": ("ORGANIZATION", self.organization),
            "j": ("", lambda: drawn.choice(_JOBS)), "g": ("", lambda: drawn.choice(_NATIONS)), "h": ("", lambda: drawn.choice(_DAYS)),
            "y": ("", lambda: str(drawn.randint(1900, 2026))), "d": ("", self.date), "i": ("", lambda: str(drawn.randint(1, 99))),
            "k": ("", lambda: self.digits(drawn.choice(("################", "#### #### #### ####", "###-##-####", "GB##ABCD##############", "########")))),
            "t": ("", lambda: self.digits(drawn.choice(("###-###-####", "+## ## #### ####", "(###) ###-####", "0### ######", "## ## ## ## ##")))),
            "e": ("", lambda: f"{self.first()}{drawn.choice(('.', '', '_'))}{self.family()}@{self.brand()}.{drawn.choice(('com', 'org', 'net', 'de'))}".replace(" ", "")),
            "u": ("", lambda: f"{drawn.choice(('https://', 'http://', ''))}www.{self.brand()}.{drawn.choice(('com', 'org', 'net', 'de'))}"),
        }  # fmt: skip

    def _name(self, name: str) -> str:
        if self.drawn.random() < _INVENTED:
            return self._inventors[name].word(self.drawn)
        return self.drawn.choice(self._lists[name])

    def first(self) -> str:
        """Return a first name."""
        return self._name("first")

    def family(self) -> str:
        """Return a family name."""
        name = self._name("family")
        return f"{name}-{self._name('family')}" if self.drawn.random() < 0.03 else name

    def person(self) -> str:
        """Return a first name and a family name, at times with more or less."""
        kind = self.drawn.random()
        first, family = self.first(), self.family()
        if kind < 0.15:
            first = f"{first} {self.drawn.choice('ABCDEFGHJKLMNPRSTW')}{self.drawn.choice(('.', '.', ''))}"
        elif kind < 0.2:
            first = f"{first} {self.first()}"
        elif kind < 0.23:
            first = f"{self.drawn.choice('ABCDEFGHJKLMNPRSTW')}. {self.drawn.choice(('', '', 'K. '))}".strip()
        elif kind < 0.25:
            family = f"{self.drawn.choice(('van', 'de', 'von', 'ten', 'di', 'del', 'bin', 'al', 'van der', 'de la'))} {family}"
        elif kind < 0.27:
            family = f"{family} {self.drawn.choice(('Jr.', 'II', 'III', 'MD', 'PhD', 'DDS'))}"
        elif kind < 0.29:
            family = f"{family} {self.family()}"
        whole = f"{first} {family}"
        return whole.upper() if self.drawn.random() < 0.03 else whole

    def city(self) -> str:
        """Return a place, now and then in capitals."""
        place = self._name("places")
        return place.upper() if self.drawn.random() < 0.1 else place

    def street(self) -> str:
        """Return a street, most often with a number, at times the corner of two."""
        drawn = self.drawn

        def one() -> str:
            word = self._name(drawn.choice(("family", "family", "places")))
            if drawn.random() < 0.05:
                word = word.lower()
            name = drawn.choice(_STREETS).format(
                w=word, f=self.first(), s=drawn.choice(_WAYS), v=drawn.choice(_SUFFIXES), i=drawn.randint(1, 999)
            )
            return f"{drawn.randint(0, 99999 if drawn.random() < 0.5 else 300):0{drawn.choice((1, 1, 1, 3, 5))}d} {name}" if drawn.random() < 0.65 else name  # fmt: skip

        kind = drawn.random()
        return f"the corner of {one()} and {one()}" if kind < 0.05 else f"{one()} and {one()}" if kind < 0.1 else one()

    def address(self) -> str:
        """Return a whole address, in one line or several."""
        drawn = self.drawn
        gap = drawn.choice(("\n", "\n ", ", ", "\n\n ", " ", "\n"))
        code = f"{drawn.randint(1000, 99999):0{drawn.choice((4, 5))}d}"
        if drawn.random() < 0.06:
            unit = drawn.choice(("PSC {i}, Box {k}", "Unit {i} Box {k}", "USNS {w}", "USS {w}", "CMR {i} Box {k}"))
            base = f"{drawn.choice(('APO', 'FPO', 'DPO'))}{drawn.choice((' ', ', '))}{drawn.choice(('AA', 'AE', 'AP'))} {code}"
            return unit.format(i=drawn.randint(1, 9999), k=drawn.randint(1, 9999), w=self.family()) + drawn.choice(("\n", ", ", " ")) + base  # fmt: skip
        flat = drawn.choice(_FLATS).format(i=drawn.randint(1, 999))
        flat = drawn.choice(("", gap + flat, f" {flat}", f", {flat}"))
        town, other = self.city(), self.city()
        state = "".join(drawn.choice("ABCDEGHILMNOPRSTUVZ") for _ in range(2))
        tail = drawn.choice((
            f"{town} {code}", f"{code} {town}", f"{town}{gap}{other} {code}", f"{town}, {other}", f"{town}, {state} {code}", f"{town} {state}{gap}{other}",
            f"{town}\n, {state}\n {other} {code}", f"{town}{gap}{gap}{other} {code}", f"{town} {other}", f"{code} {town}{gap}{other}", f"{town}", f"{town} {state}", f"{code}-{town}",
        ))  # fmt: skip
        if drawn.random() < 0.1:
            return self.street()
        return re.sub(r", +,|,\n,|\n\n\n+", ",", f"{self.street()}{flat}{gap}{tail}")

    def brand(self) -> str:
        """Return an invented name of a firm, in small letters."""
        ending = self.drawn.choice((*_BRAND_ENDINGS, *_BRANDS))
        begin = self.drawn.choice(_BRANDS) if self.drawn.random() < 0.7 else self.family().lower()
        return f"{begin}{ending}"

    def organization(self) -> str:  # noqa: PLR0911 - one for each kind
        """Return a firm or another body."""
        drawn = self.drawn
        kind = drawn.random()
        if kind < 0.2:
            return f"{self.family()} {drawn.choice(_ENDINGS)}"
        if kind < 0.3:
            return f"{self.family()}-{self.family()}"
        if kind < 0.4:
            return f"{self.family()}, {self.family()} and {self.family()}"
        if kind < 0.65:
            brand = self.brand()
            brand = brand.title() if drawn.random() < 0.85 else brand.capitalize() + drawn.choice(_BRANDS).title()
            return f"{brand} {drawn.choice(_ENDINGS)}" if drawn.random() < 0.3 else brand
        if kind < 0.75:
            return f"{self.brand().capitalize()} {self.brand().capitalize()}"
        if kind < 0.82:
            return f"{drawn.choice(_SUBJECTS)} {drawn.choice(_ENDINGS)}"
        body = drawn.choice(_BODIES)
        while "{x}" in body:
            body = body.replace("{x}", drawn.choice("ABCDEFGHILMNOPRSTUVW"), 1)
        return body.format(c=self._name("places"), q=drawn.choice(_SUBJECTS))

    def date(self) -> str:
        """Return a date in one of several shapes."""
        drawn = self.drawn
        day, month, year = drawn.randint(1, 28), drawn.randint(1, 12), drawn.randint(1950, 2026)
        name = drawn.choice(_DAYS[7:19])
        return drawn.choice((f"{year}-{month:02}-{day:02}", f"{day}/{month}/{year}", f"{name} {day}, {year}", f"{day} {name} {year}", f"{year}-{month:02}-{day:02} 10:{day:02}:05", str(year)))  # fmt: skip

    def digits(self, pattern: str) -> str:
        """Return a pattern with a digit for each of its `#`."""
        return re.sub("#", lambda _: str(self.drawn.randint(0, 9)), pattern)

    def filled(self, carrier: str) -> dict[str, Any]:
        """Return a labelled text."""
        drawn = self.drawn
        quote = ""
        if "[Q" in carrier:
            quote = drawn.choice((">", "> ", "??? ", "| ", "# ", "* ", ">> ", "// ", ": ", "- "))
            carrier = re.sub(r"\[Q[^\]]*\]", "", carrier)
        while choices := _CHOICE.search(carrier):
            carrier = carrier[: choices.start()] + drawn.choice(choices[1].split("|")) + carrier[choices.end() :]
        text, spans, done = "", [], 0
        for place in _PLACE.finditer(carrier):
            text += carrier[done : place.start()]
            kind, maker = self.made[place[1]]
            value = maker()
            if kind:
                spans.append({"type": kind, "start": len(text), "end": len(text) + len(value)})
            text += value
            done = place.end()
        text += carrier[done:]
        if quote:
            text, spans = _quoted(text, spans, quote)
        return {"text": text, "spans": spans}


def _quoted(text: str, spans: list[dict[str, Any]], quote: str) -> tuple[str, list[dict[str, Any]]]:
    """Return a text with a sign before every line, and its spans where they are then."""

    def moved(place: int) -> int:
        return place + len(quote) * (text.count("\n", 0, place) + 1)

    return quote + text.replace("\n", f"\n{quote}"), [
        {**span, "start": moved(span["start"]), "end": moved(span["end"] - 1) + 1} for span in spans
    ]


def made_texts(
    places: Sequence[str], first: Sequence[str], family: Sequence[str], copies: int, seed: int
) -> Iterator[dict[str, Any]]:
    """Yield labelled texts: each carrier so many times, with other names each time, at times two in one text, some in small letters."""
    drawn = random.Random(seed)  # noqa: S311 - repeatable on purpose
    maker = Maker(places, first, family, drawn)
    for carrier in CARRIERS:
        for _ in range(copies + copies * min(carrier.count("|"), 60) // 30):  # more of what has more alternatives
            one = maker.filled(carrier)
            if drawn.random() < 0.25:
                other = maker.filled(drawn.choice(CARRIERS))
                between = drawn.choice((" ", "\n", "\n\n", ". "))
                start = len(one["text"]) + len(between)
                one = {
                    "text": one["text"] + between + other["text"],
                    "spans": one["spans"]
                    + [{**span, "start": span["start"] + start, "end": span["end"] + start} for span in other["spans"]],
                }
            yield roughened(one, drawn)


def roughened(row: dict[str, Any], drawn: random.Random) -> dict[str, Any]:
    """Return a labelled text as people write: at times in small letters, in capitals, or without a capital at its beginning."""
    text, case = row["text"], drawn.random()
    changed = text
    if case < _SMALL:
        changed = text.lower()
    elif case < _SMALL + _LARGE:
        changed = text.upper()
    elif case > 1 - _SMALL and all(span["start"] for span in row["spans"]):
        changed = text[:1].lower() + text[1:]
    return {**row, "text": changed} if len(changed) == len(text) else row
