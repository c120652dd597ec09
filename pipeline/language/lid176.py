"""The first opinion: fastText's lid.176 (Joulin et al., arXiv:1607.01759; arXiv:1612.03651), compressed, 176 languages.

The model sees lower-case text on one line. It was trained on ordinary writing: on upper-case sentences in 67 languages it is right
in 37 % of the cases, on the same in lower case in 90 %, and lower case costs ordinary sentences nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.language.codes import bcp_47
from pipeline.language.fasttext_kernel import Classifier, load, predict
from pipeline.models import model_path

LABELS = 4
"""How many of its labels are looked at."""

_PREFIX = "__label__"


class Opinions(NamedTuple):
    """The best labels of each text, best first; both of shape ``(texts, LABELS)``."""

    languages: npt.NDArray[np.object_]
    """BCP 47 codes; None where there are fewer labels."""
    scores: npt.NDArray[np.float32]
    """The model's own probability, in [0, 1]; 0 where there is no label."""


def opinions(texts: Sequence[str]) -> Opinions:
    """Ask the model for each text; all of each text is read.

    Raises
    ------
    ModelError
        If the model's file is missing or not the pinned one.
    """
    lines = pa.array([" ".join(text.split()).lower() for text in texts], pa.large_string())
    labels, scores = predict(_model(), lines, LABELS)
    # The model's softmax may exceed one by a rounding error.
    return Opinions(_codes()[labels], np.minimum(scores, 1.0))


@cache
def languages() -> frozenset[str]:
    """Return the BCP 47 codes that the model can give."""
    return frozenset(_codes()[:-1].tolist())


@cache
def _codes() -> npt.NDArray[np.object_]:
    """Return the code of each label; the last one, which a place of -1 means, is None."""
    return np.array([*(bcp_47(label.removeprefix(_PREFIX)) for label in _model().labels), None], object)


@cache
def _model() -> Classifier:
    """Load the model, once a process."""
    return load(model_path("lid.176"))


def library() -> Any:
    """Return fastText's own model: what ours is compared with."""
    from fasttext import FastText

    # What `fasttext.load_model` calls; older versions of that function print a warning to stderr first.
    return FastText._FastText(model_path=str(model_path("lid.176")))  # noqa: SLF001 - see above
