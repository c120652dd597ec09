"""An opinion on a text's language that the stage has no part in, for the release's indicator: py3langid (Lui and Baldwin, ACL 2012; retrained).

It shares neither code nor training data with the models of `detect`: naive Bayes over byte n-grams. Its probability is not
calibrated, so only its answer is used. It is for samples: it walks the text byte by byte, some 1,000 documents a second.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import pyarrow as pa

from pipeline.language.codes import UNDETERMINED, bcp_47, known_languages, one_of_alike
from pipeline.models import model_path

MAX_CHARACTERS = 3_000
"""Middle of the text that is looked at."""


def agrees(texts: pa.Array | Sequence[str | None], languages: pa.Array | Sequence[str | None]) -> pa.Array:
    """Say whether this model gives each text the same language.

    Parameters
    ----------
    texts
        Strings.
    languages
        BCP 47 codes, as `pipeline.language.detect.detect` gives them.

    Returns
    -------
    pa.Array
        bool; null where the text is null or empty or its language is undetermined or unknown to it or to them.
    """
    both = common_languages()
    return pa.array(
        [
            None if not text or language not in both else one_of_alike(_classify(text)) == one_of_alike(language)
            for text, language in zip(_list(texts), _list(languages), strict=True)
        ],
        pa.bool_(),
    )


@cache
def common_languages() -> frozenset[str]:
    """Return the codes that this model and those of `detect` know; it chooses among these only."""
    _, codes = _model()
    return frozenset(codes.values())


def _classify(text: str) -> str:
    identifier, codes = _model()
    start = max(0, (len(text) - MAX_CHARACTERS) // 2)
    label, score = identifier.classify(text[start : start + MAX_CHARACTERS])
    # Without a single feature all languages are alike, and the first one would be the answer.
    return UNDETERMINED if score <= 1 / len(codes) else codes[label]


def _list(values: pa.Array | Sequence[str | None]) -> list[str | None]:
    return values.to_pylist() if isinstance(values, pa.Array | pa.ChunkedArray) else list(values)


@cache
def _model() -> tuple[Any, dict[str, str]]:
    """Load the model, once a process, with its labels that the others know and their BCP 47 codes."""
    from py3langid.langid import LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(str(model_path("py3langid")), norm_probs=True)
    known = set(known_languages())
    codes = {label: bcp_47(label) for label in identifier.labels if bcp_47(label) in known}
    identifier.set_languages(list(codes))
    return identifier, codes
