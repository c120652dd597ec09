r"""National numbers of persons: identity, tax and social security numbers, by country.

Presidio has a recogniser for most; those of Brazil and France are ours. What they find by its form alone (letters in fixed places,
separators, strong check digits) counts as it stands. Bare digits that pass a check of one in ten or one in eleven do not: they count
only where one of the country's own words for the number stands before them. A number holds ASCII digits and letters only, the
letters as capitals.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

_FORM, _WORD_NEEDED = 0.5, 0.3
"""Scores: over every default threshold, and under it unless a context word lifts it."""


class NationalNumber(NamedTuple):
    """One kind of number of one country."""

    country: str
    """ISO 3166."""
    recognizer: str
    """Name of Presidio's class, or a key of `OWN`."""
    score: float
    context: str
    """Words, of which one must stand before a number whose form alone says little."""
    anchor: str
    """What every match holds, valid in RE2 and in `re`, and ASCII only, as the numbers are (`is_well_formed`): the recogniser's patterns
    without their look-arounds, or with wider classes, or a part of them. (Of PAN's, all but the weakest, ten characters of any kind,
    which never counts.)"""


LEAST_FORM = 0.05
"""Presidio's score from which a national number's pattern is looked at."""
_NINE = r"[0-9]{3}[\x09-\x0d\x1c-\x20.\-]?[0-9]{3}[\x09-\x0d\x1c-\x20.\-]?[0-9]{3}"
"""Nine digits, bare or in threes, between them ASCII white space (of `regex`), a dot or a hyphen; whatever is longer holds them."""
_SPANISH = "[0-9]{7}-?[A-Za-z]"

NUMBERS: tuple[NationalNumber, ...] = (
    NationalNumber("AU", "AuTfnRecognizer", _WORD_NEEDED, "tfn tax file", _NINE),
    NationalNumber("BR", "BrCpfRecognizer", _FORM, "cpf cadastro", _NINE),
    NationalNumber("CA", "CaSinRecognizer", _WORD_NEEDED, "sin insurance nas assurance", _NINE),
    NationalNumber(
        "DE",
        "DeTaxIdRecognizer",
        _WORD_NEEDED,
        "steueridentifikationsnummer steuerid idnr identifikationsnummer",
        _NINE,
    ),
    NationalNumber(
        "DE",
        "DeSocialSecurityRecognizer",
        _FORM,
        "rentenversicherungsnummer sozialversicherungsnummer rvnr svnr",
        "[0-9]{8}[A-Za-z][0-9]{3}",
    ),
    NationalNumber("ES", "EsNifRecognizer", 0.4, "dni nif identidad", _SPANISH),
    NationalNumber("ES", "EsNieRecognizer", 0.4, "nie extranjero", _SPANISH),
    NationalNumber(
        "FI",
        "FiPersonalIdentityCodeRecognizer",
        _FORM,
        "hetu henkilötunnus personbeteckningen",
        "[0-9]{6}[-+A-FU-Ya-fu-y][0-9]{3}[0-9A-Ya-y]",
    ),
    NationalNumber(
        "FR",
        "FrNirRecognizer",
        _FORM,
        "nir sécurité sociale insee",
        "[12] ?[0-9]{2} ?[0-9]{2} ?(?:[0-9]{2}|2[AB]) ?[0-9]{3} ?[0-9]{3}",
    ),
    NationalNumber(
        "GB", "UkNinoRecognizer", _FORM, "nino insurance", "[A-Za-z]{2} ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-Da-d]"
    ),
    NationalNumber("GB", "NhsRecognizer", _WORD_NEEDED, "nhs health", _NINE),
    NationalNumber(
        "IN",
        "InAadhaarRecognizer",
        _WORD_NEEDED,
        "aadhaar aadhar uidai",
        f"{_NINE}|[0-9]{{4}}[- :][0-9]{{4}}[- :][0-9]{{4}}",
    ),
    NationalNumber("IN", "InPanRecognizer", _FORM, "pan permanent", "[A-Za-z]{5}[0-9]{4}[A-Za-z]"),
    NationalNumber(
        "IT",
        "ItFiscalCodeRecognizer",
        _FORM,
        "codice fiscale cf",
        "[A-Za-z]{6}[0-9L-Vl-v]{2}[A-Za-z][0-9L-Vl-v]{2}[A-Za-z][0-9L-Vl-v]{3}[A-Za-z]",
    ),
    NationalNumber(
        "KR", "KrRrnRecognizer", _WORD_NEEDED, "rrn resident registration", f"{_NINE}|[0-9]{{6}}-[0-9]{{4}}"
    ),
    NationalNumber("PL", "PlPeselRecognizer", _WORD_NEEDED, "pesel", _NINE),
    NationalNumber(
        "SE",
        "SePersonnummerRecognizer",
        _WORD_NEEDED,
        "personnummer samordningsnummer",
        f"{_NINE}|[0-9]{{6}}[-+][0-9]{{4}}",
    ),
    NationalNumber("SG", "SgFinRecognizer", _WORD_NEEDED, "fin nric", _SPANISH),
    NationalNumber("TH", "ThTninRecognizer", _WORD_NEEDED, "tnin thai", _NINE),
    NationalNumber("TR", "TrNationalIdRecognizer", _WORD_NEEDED, "kimlik tckn", _NINE),
    NationalNumber("US", "UsItinRecognizer", _FORM, "itin taxpayer", "9[0-9]{2}[- ]?[0-9]{2}[- ]?[0-9]{4}"),
    NationalNumber("ZA", "ZaIdNumberRecognizer", _WORD_NEEDED, "id identity", _NINE),
)
COUNTRIES: tuple[str, ...] = tuple(sorted({number.country for number in NUMBERS}))
"""ISO 3166 codes that `pii.id_countries` may name."""
SCREEN = "|".join(dict.fromkeys(number.anchor for number in NUMBERS))
"""Every match of every recogniser holds its anchor, so that a document without any anchor has no number."""


def is_well_formed(value: str) -> bool:
    """Say whether a number is ASCII and its letters are capitals.

    >>> is_well_formed("AB123456C"), is_well_formed("ab123456c")
    (True, False)
    """
    return value.isascii() and (value.isupper() or not any(character.isalpha() for character in value))


def is_cpf(value: str) -> bool:
    """Say whether a Brazilian number has its two check digits (Receita Federal).

    >>> is_cpf("529.982.247-25"), is_cpf("529.982.247-26"), is_cpf("111.111.111-11")
    (True, False, False)
    """
    digits = [int(character) for character in value if character.isdigit()]
    if len(set(digits)) == 1:
        return False
    for length in (9, 10):
        total = sum(digit * weight for digit, weight in zip(digits[:length], range(length + 1, 1, -1), strict=True))
        if digits[length] != total * 10 % 11 % 10:
            return False
    return True


def is_nir(value: str) -> bool:
    """Say whether a French number has its key: 97 less the rest modulo 97, with 19 and 18 for Corsica's 2A and 2B (INSEE).

    >>> is_nir("2 55 08 14 168 025 38"), is_nir("255081416802539")
    (True, False)
    """
    plain = value.replace(" ", "").replace("2A", "19").replace("2B", "18")
    return 97 - int(plain[:13]) % 97 == int(plain[13:])


OWN: dict[str, tuple[str, Callable[[str], bool]]] = {
    "BrCpfRecognizer": (r"(?<![0-9A-Za-z.\-])[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}(?![0-9A-Za-z]|[.\-][0-9])", is_cpf),
    "FrNirRecognizer": (
        r"(?<![0-9A-Za-z])[12] ?[0-9]{2} ?(?:0[1-9]|1[0-2]|[2-9][0-9]) ?(?:[0-9]{2}|2[AB]) ?[0-9]{3} ?[0-9]{3} ?[0-9]{2}(?![0-9A-Za-z])",
        is_nir,
    ),
}
"""Patterns and checks of our own recognisers."""


def numbers_of(countries: tuple[str, ...]) -> tuple[NationalNumber, ...]:
    """Return the kinds of numbers of some countries."""
    return tuple(number for number in NUMBERS if number.country in countries)


def presidio_recognizer(number: NationalNumber) -> Any:
    """Build Presidio's recogniser of a kind of number.

    Without a check of its own it gives a pattern's hits that pattern's score, and what is below `LEAST_FORM` counts for nothing: such
    patterns are left out. One of them (India's) looks ahead through the whole text at every word, in a time that grows with its square.
    """
    from presidio_analyzer import PatternRecognizer
    from presidio_analyzer import predefined_recognizers as presidio

    found = getattr(presidio, number.recognizer)()
    if type(found).validate_result is PatternRecognizer.validate_result:
        found.patterns = [pattern for pattern in found.patterns if pattern.score >= LEAST_FORM]
    return found
