"""Suites: one Great Expectations suite a stage, a JSON file that a data engineer edits.

A suite is Great Expectations' own format (``ExpectationSuite(**json)`` loads it). What it looks at is said in each expectation's
`meta`: ``{"on": "rows" | "metrics", "says": one sentence, "look": where to look next, "history": true}``. Reading one checks every
name in it, so that a slip is a sentence now and not a check that silently looks at nothing.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.errors import ConfigError
from pipeline.gates.vocabulary import EXPECTATIONS, PARAMETERS, metrics_of, narrow_columns, require_stage
from pipeline.mistakes import hint

SEVERITIES = {"critical": "block", "warning": "flag", "info": "pass"}
"""Great Expectations' severities and the verdict that a failed expectation leads to."""

_META = ("on", "says", "look", "history", "notes")
_COLUMN_KEYS = ("column", "column_A", "column_B")
_COLUMN_LIST_KEYS = ("column_list", "column_set")


@dataclass(frozen=True)
class Suite:
    """A suite as it was read: every name in it is known."""

    stage: str
    text: str
    """The file's text."""
    digest: str
    """sha256 of the canonical JSON (sorted keys, no spaces): layout does not change it, any edit of content does."""

    @property
    def data(self) -> dict[str, Any]:
        """A fresh copy of the suite, as Great Expectations takes it."""
        data: dict[str, Any] = json.loads(self.text)
        return data


def suites_folder() -> Path:
    """Return the project's `expectations/`: beside the package in a checkout, inside it when installed.

    Raises
    ------
    ConfigError
        If neither exists.
    """
    package = Path(__file__).resolve().parents[1]
    checkout, installed = package.parent / "expectations", package / "_expectations"
    if installed.is_dir():
        return installed
    # In site-packages a neighbour named `expectations` is somebody else's: only a checkout has a project file.
    if checkout.is_dir() and (package.parent / "pyproject.toml").is_file():
        return checkout
    raise ConfigError(f"the folder of the suites is missing ({checkout}); name one with data_pipeline.expectations")


def load_suite(stage: str, folder: Path | None = None) -> Suite:
    """Read and check the suite of a stage.

    Parameters
    ----------
    folder
        Where `<stage>.json` lies; default: the project's `expectations/`.

    Raises
    ------
    UserError
        If there is no such stage.
    ConfigError
        If the file is missing, is not JSON, or uses an unknown expectation, column, metric or parameter; the message names the
        place and the nearest right word.
    """
    require_stage(stage)
    file = (folder or suites_folder()) / f"{stage}.json"
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"cannot read the suite of stage {stage} at {file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"the suite {file} is not UTF-8 text") from None
    return parse_suite(stage, text, str(file))


def parse_suite(stage: str, text: str, name: str) -> Suite:
    """Check a suite's text; `name` is what messages call it. Raises as `load_suite` does."""
    try:
        data = json.loads(text, object_pairs_hook=_unique_keys, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise ConfigError(f"{name} is not valid JSON at line {error.lineno}, column {error.colno}") from None
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{name}: {error}") from None
    _check(stage, data, name)
    canonical = json.dumps(data, sort_keys=True, separators=(",", ":"))
    return Suite(stage, text, hashlib.sha256(canonical.encode()).hexdigest())


def parameters_in(value: Any) -> Iterator[str]:
    """Yield the parameters that a piece of a suite uses; an arithmetic expression may hold several."""
    if isinstance(value, dict):
        if "$PARAMETER" in value:
            yield from re.findall(r"(?<![\w.])[A-Za-z_]\w*", str(value["$PARAMETER"]))
        else:
            for inner in value.values():
                yield from parameters_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from parameters_in(inner)


def columns_in(kwargs: dict[str, Any]) -> list[str]:
    """Return the columns (or metrics) that an expectation's arguments name, those of its row condition included."""
    found = [kwargs[key] for key in _COLUMN_KEYS if key in kwargs]
    for key in _COLUMN_LIST_KEYS:
        entries = kwargs.get(key)
        found += entries if isinstance(entries, list) else []
    found += _condition_columns(kwargs.get("row_condition"))
    return list(dict.fromkeys(str(column) for column in found))


def _condition_columns(condition: Any) -> Iterator[str]:
    if isinstance(condition, dict):
        column = condition.get("column")
        if isinstance(column, dict):
            yield str(column.get("name"))
        for inner in condition.get("conditions") or ():
            yield from _condition_columns(inner)


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a doubled key: JSON would let the later one silently win."""
    keys = [key for key, _ in pairs]
    for key in keys:
        if keys.count(key) > 1:
            raise ValueError(f"the key '{key}' stands twice in one object")
    return dict(pairs)


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a number that JSON knows")


def _check(stage: str, data: Any, name: str) -> None:
    """Raise `ConfigError` for the first thing in a suite that does not fit."""
    if not isinstance(data, dict) or not isinstance(data.get("expectations"), list) or not data["expectations"]:
        raise ConfigError(f"{name}: a suite is an object with 'name' and a non-empty list 'expectations'")
    _one_of(f"{name}: unknown key", data, ("name", "expectations", "meta", "notes", "id", "suite_parameters"))
    if data.get("name") != stage:
        raise ConfigError(f"{name}: the suite's name is {data.get('name')!r}, and must be the stage's, '{stage}'")
    for position, entry in enumerate(data["expectations"], 1):
        where = f"{name}, expectation {position}"
        if not isinstance(entry, dict) or not isinstance(entry.get("kwargs"), dict):
            raise ConfigError(f"{where}: an expectation is an object with 'type', 'kwargs', 'severity' and 'meta'")
        _one_of(f"{where}: unknown key", entry, ("type", "kwargs", "severity", "meta", "id", "notes"))
        _one_of(f"{where}: unknown expectation", [entry.get("type")], EXPECTATIONS)
        where = f"{where} ({entry['type']})"
        _one_of(f"{where}: unknown severity", [entry.get("severity")], SEVERITIES)
        _one_of(f"{where}: unknown $PARAMETER", parameters_in(entry["kwargs"]), PARAMETERS)
        _check_meta(where, entry)
        _check_columns(where, stage, entry)


def _check_meta(where: str, entry: dict[str, Any]) -> None:
    meta = entry.get("meta")
    if not isinstance(meta, dict):
        raise ConfigError(f"{where}: 'meta' is missing; it holds 'on' and 'says'")
    _one_of(f"{where}: unknown key of meta", meta, _META)
    _one_of(f"{where}: unknown value of meta.on", [meta.get("on")], ("rows", "metrics"))
    if "says" not in meta:
        raise ConfigError(f"{where}: meta.says is missing; it says in one sentence what is expected")
    for key in ("says", "look"):
        if key in meta and (not isinstance(meta[key], str) or not meta[key].strip()):
            raise ConfigError(f"{where}: meta.{key} is a sentence for people and may not be empty")
    if not isinstance(meta.get("history", False), bool):
        raise ConfigError(f"{where}: meta.history is true or false")


def _check_columns(where: str, stage: str, entry: dict[str, Any]) -> None:
    kwargs, on = entry["kwargs"], entry["meta"]["on"]
    if kwargs.get("row_condition") is not None and not isinstance(kwargs["row_condition"], dict):
        # A string is pandas' own query language, which Spark does not read.
        raise ConfigError(f"{where}: row_condition is an object such as {_CONDITION_EXAMPLE}")
    if on == "metrics":
        if "row_condition" in kwargs or not any(key in kwargs for key in _COLUMN_KEYS):
            raise ConfigError(f"{where}: an expectation on metrics names one in 'column' and has no row_condition")
        _one_of(f"{where}: unknown metric", columns_in(kwargs), metrics_of(stage))
    else:
        _one_of(f"{where}: unknown column", columns_in(kwargs), narrow_columns(stage))


_CONDITION_EXAMPLE = '{"type": "nullity", "column": {"name": "reason"}, "is_null": true}'


def _one_of(what: str, words: Iterable[Any], known: Iterable[str]) -> None:
    """Raise `ConfigError` for the first word that is not known, with the nearest that is."""
    names = list(known)
    for word in words:
        if word not in names:
            raise ConfigError(f"{what} {word!r}; {hint(str(word), names)}")
