"""Configuration: one YAML file, read into `pipeline.settings`; the only reader of the environment."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from pipeline.errors import ConfigError
from pipeline.mistakes import hint, printable, sentence
from pipeline.settings import ConfigFile, Language, Settings
from pipeline.source import ConsentPolicy


def load(path: str | Path) -> Settings:
    """Read a configuration file; relative paths in it are resolved against its folder.

    Raises
    ------
    ConfigError
        If the file is missing, is not YAML, or does not fit; the message names the key and the nearest right one.
    """
    file = Path(path)
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"cannot read the configuration {file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"the configuration {file} is not UTF-8 text") from None
    return parse(text, file.resolve().parent, name=str(file))


def parse(text: str, folder: Path, name: str = "configuration") -> Settings:
    """Read a configuration from YAML text; relative paths in it are resolved against `folder`."""
    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise ConfigError(f"{name} is not valid YAML{where}") from None
    if not isinstance(data, dict):
        raise ConfigError(f"{name}: expected a mapping with the key 'data_pipeline' at the top")
    settings = validate(data, name)
    _check_licences(settings, name)
    _check_languages(settings, name)
    return _resolve(settings, folder)


def _check_licences(settings: Settings, name: str) -> None:
    """Refuse a source's licence that SPDX does not list; of settings that a batch was opened with nothing is asked any more."""
    from pipeline import spdx
    from pipeline.sources.consent import license_identifier

    for source in settings.ingestion.sources:
        stated = license_identifier(source.license)
        if source.license is not None and (stated is None or spdx.expression(stated) is None):
            near = spdx.nearest(source.license)
            raise ConfigError(
                f"{name}: source '{source.name}': '{printable(source.license)}' is no SPDX licence"
                + (f"; did you mean '{near}'?" if near else "")
                + "; a licence of your own is written LicenseRef-<its name>"
            )


def _check_languages(settings: Settings, name: str) -> None:
    """Refuse a language that no model can tell: every document would be rejected, or a threshold never apply."""
    own = settings.language
    scored = {code for scores in own.min_scores.values() for code in scores} - {"*"}
    if own.wanted or scored or own.expected != Language().expected:  # the models take a second to load
        from pipeline.language.codes import check_known

        check_known(own.wanted, f"{name}: language.wanted")
        check_known(sorted(scored), f"{name}: language.min_scores")
        check_known(sorted({code for shares in own.expected.values() for code in shares}), f"{name}: language.expected")


def validate(data: dict[str, Any], name: str = "configuration") -> Settings:
    """Turn plain data into settings, with one sentence for each mistake.

    Raises
    ------
    ConfigError
        If the data does not fit.
    """
    try:
        return ConfigFile.model_validate(data).data_pipeline
    except ValidationError as error:
        sentences = [sentence(item, ConfigFile) for item in error.errors(include_url=False)]
        raise ConfigError(f"{name}: " + "; ".join(sentences)) from None


def override(settings: Settings, overrides: dict[str, Any]) -> Settings:
    """Return settings with dotted keys replaced, e.g. ``{"cleaning.quality_threshold": 0.5}``.

    Raises
    ------
    ConfigError
        If a key does not exist or a value does not fit.
    """
    data: dict[str, Any] = settings.model_dump(mode="json")
    for key, value in overrides.items():
        *parents, last = key.split(".")
        place = data
        for depth, parent in enumerate(parents):
            if not isinstance(place.get(parent), dict):
                trail = ".".join(parents[: depth + 1])
                raise ConfigError(f"override: unknown key '{trail}', {hint(parent, place)}")
            place = place[parent]
        if last not in place:
            raise ConfigError(f"override: unknown key '{key}', {hint(last, place)}")
        place[last] = value
    changed = validate({"data_pipeline": data}, "override")
    _check_languages(changed, "override")
    return changed


def environment(name: str, default: str | None = None) -> str | None:
    """Return the environment variable ``SLUICE_<name>``; nothing else reads the environment."""
    return os.environ.get(f"SLUICE_{name}", default)


def _anchored(consent: ConsentPolicy, anchor: Callable[[str], str]) -> ConsentPolicy:
    """Anchor the files that a policy names."""
    named = {"robots_snapshot": consent.robots_snapshot, "do_not_crawl_list": consent.do_not_crawl_list}
    return consent.model_copy(update={name: anchor(path) for name, path in named.items() if path})


def _resolve(settings: Settings, folder: Path) -> Settings:
    """Anchor relative paths at the configuration's folder."""

    def anchor(path: str) -> str:
        return path if "://" in path or Path(path).is_absolute() else str(folder / path)

    sources = tuple(
        source.model_copy(
            update={
                "paths": tuple(anchor(p) for p in source.paths or (f"input/{source.name}",)),
                "consent": _anchored(source.consent, anchor),
            }
        )
        for source in settings.ingestion.sources
    )
    slices = tuple(
        entry.model_copy(update={"files": tuple(anchor(p) for p in entry.files)})
        for entry in settings.validation.benchmark_slices
    )
    lake = settings.lake.model_copy(
        update={
            "root": anchor(settings.lake.root),
            "raw_root": anchor(settings.lake.raw_root) if settings.lake.raw_root else None,
        }
    )
    return settings.model_copy(
        update={
            "ingestion": settings.ingestion.model_copy(update={"sources": sources}),
            "validation": settings.validation.model_copy(update={"benchmark_slices": slices}),
            "lake": lake,
            "expectations": anchor(settings.expectations) if settings.expectations else None,
            "quality": settings.quality.model_copy(
                update={"model": anchor(settings.quality.model) if settings.quality.model else None}
            ),
        }
    )
