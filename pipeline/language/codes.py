"""Language codes: BCP 47 for whatever a model, a peer or a user calls a language, and what the models can tell at all."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from pipeline.errors import ConfigError
from pipeline.mistakes import hint, printable

UNDETERMINED = "und"
"""BCP 47's code for a language that is not known."""

_BCP_47: dict[str, str] = {
    # Names of models that are no BCP 47, or mean another language there (IANA language subtag registry, CLDR aliases).
    "als": "gsw",  # lid.176: Alemannic, from Wikipedia's name; `als` is Tosk Albanian in ISO 639-3
    "bh": "bho",  # lid.176, CLD2: Bhojpuri; `bh` is deprecated and stood for the Bihari languages
    "eml": "egl",  # lid.176: Emilian; `eml` is deprecated and was split
    "gug": "gn",  # py3langid: Paraguayan Guarani
    "iw": "he",  # CLD2: deprecated
    "jw": "jv",  # CLD2: never was one
    "kik": "ki",  # py3langid
    "nb": "no",  # lingua: CLDR's alias since version 39; lid.176's and CLD2's "no" is Bokmål
    "sh": "sr-Latn",  # lid.176: Serbo-Croatian; `sh` is deprecated, CLDR's replacement
    "sr-ME": "sr",  # CLD2: Montenegrin, which it does not tell from Serbian
    "zh-Hant": "zh",  # CLD2: a script, where the other models name the language only
}
_USERS_NAMES: dict[str, str] = _BCP_47 | {
    # What users write for a language that the models have under another name.
    "bih": "bho",
    "cmn": "zh",
    "fil": "tl",
    "in": "id",
    "ji": "yi",
    "nob": "no",
    "nor": "no",
}

_ALIKE: dict[str, str] = {"sr-Latn": "sr", "hr": "sr", "bs": "sr", "nn": "no", "nb": "no", "ms": "id"}
"""Languages that models name for one another so often that it is no disagreement: the first model's "no" is Bokmål, and "sr-Latn" is
its Serbo-Croatian."""


def one_of_alike(code: str) -> str:
    """Return one code for all languages that are hard to tell from this one.

    >>> one_of_alike("hr"), one_of_alike("bs"), one_of_alike("de")
    ('sr', 'sr', 'de')
    """
    return _ALIKE.get(code, code)


def bcp_47(name: str) -> str:
    """Return the code of a language that a model calls `name`.

    >>> bcp_47("iw"), bcp_47("als"), bcp_47("de")
    ('he', 'gsw', 'de')
    """
    return _BCP_47.get(name, name)


@cache
def known_languages() -> tuple[str, ...]:
    """Return the BCP 47 codes that any of the models can give, sorted; `UNDETERMINED` is none of them."""
    from pipeline.language import cld2, lid176

    # The n-grams know none that these two do not (a test holds it), and take longer to load.
    return tuple(sorted({*lid176.languages(), *cld2.languages()}))


def check_known(codes: Iterable[str], setting: str) -> None:
    """Check that the models can give each of the codes that a configuration names.

    Raises
    ------
    ConfigError
        If they cannot; the message names the setting and the nearest code that they can give.
    """
    known = known_languages()
    for code in codes:
        if code in known:
            continue
        primary = code.replace("_", "-").split("-")[0].lower()
        near = hint(_USERS_NAMES.get(primary, primary), known)
        raise ConfigError(f"{setting}: no model can tell the language '{printable(code)}', {near}")
