"""The border to Great Expectations: importing it, and evaluating expectations on a pandas or Spark frame.

Results stay in memory: a complete one holds values of rows, of which `gate` takes the counts and the ids and nothing else.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from pipeline.document import DOCUMENT_ID
from pipeline.errors import ConfigError
from pipeline.gates.deferred import defer

COMPLETE = {
    "result_format": "COMPLETE",
    "unexpected_index_column_names": [DOCUMENT_ID],
    "include_unexpected_rows": False,
    "return_unexpected_index_query": False,
}
BASIC = {"result_format": "BASIC"}
BOOLEAN_ONLY = {"result_format": "BOOLEAN_ONLY"}

_POSITION = "position"
_RAISED = re.compile(r"^(?:[\w.]+\.)?(\w*(?:Error|Exception|Invalid|Warning))\b", re.MULTILINE)


def import_gx() -> ModuleType:
    """Import Great Expectations: about 7 s the first time, no network, no progress bars' module state of its own."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    defer("altair")
    defer("scipy.stats")
    import great_expectations

    module: ModuleType = great_expectations
    return module


def evaluate(
    frame: Any, entries: dict[int, dict[str, Any]], parameters: dict[str, Any], result_format: dict[str, Any]
) -> dict[int, Any]:
    """Evaluate expectations on one frame.

    Parameters
    ----------
    frame
        A pandas DataFrame, or a Spark one.
    entries
        The suite's entries by their position in it.

    Returns
    -------
    dict
        Great Expectations' own result by position.

    Raises
    ------
    ConfigError
        If Great Expectations does not take an entry's arguments.
    """
    if not entries:
        return {}
    gx = import_gx()
    suite = gx.ExpectationSuite(name="gate", expectations=[_build(gx, *entry) for entry in entries.items()])
    with _quiet():
        results = _batch(gx, frame).validate(suite, result_format=result_format, expectation_parameters=parameters)
    return {result.expectation_config.meta[_POSITION]: result for result in results.results}


def check_arguments(entries: dict[int, dict[str, Any]]) -> None:
    """Raise `ConfigError` if Great Expectations does not take an entry's arguments."""
    gx = import_gx()
    for position, entry in entries.items():
        _build(gx, position, entry)


def error_of(result: Any) -> str | None:
    """Return the class of the exception that kept an expectation from being evaluated.

    Only the class: its message may quote the value that caused it.
    """
    info = result.exception_info or {}
    infos = [info] if "raised_exception" in info else [entry for entry in info.values() if isinstance(entry, dict)]
    for entry in infos:
        if entry.get("raised_exception"):
            trace = entry.get("exception_traceback") or entry.get("exception_message") or ""
            found = _RAISED.search(trace)
            return found[1] if found else "an exception"
    return None


def _build(gx: ModuleType, position: int, entry: dict[str, Any]) -> Any:
    marked = {key: entry[key] for key in ("type", "kwargs", "severity")} | {"meta": {_POSITION: position}}
    try:
        return gx.ExpectationSuite(name="gate", expectations=[marked]).expectations[0]
    except Exception as error:
        reason = " ".join(str(error).split())
        raise ConfigError(f"expectation {position + 1} ({entry['type']}) has wrong arguments: {reason}") from None


def _batch(gx: ModuleType, frame: Any) -> Any:
    """Return the frame as a batch of a context of its own, so that no state outlives the call."""
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False, metric_calculations=False)
    if type(frame).__module__.startswith("pyspark"):
        # Persisting costs more than it saves here: five times the time of a validation.
        source = context.data_sources.add_spark("rows", persist=False)
    else:
        source = context.data_sources.add_pandas("rows")
    definition = source.add_dataframe_asset("rows").add_batch_definition_whole_dataframe("rows")
    return definition.get_batch({"dataframe": frame})


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep Great Expectations' log silent: it quotes exceptions, and they quote values."""
    loggers = [
        logger
        for name, logger in logging.Logger.manager.loggerDict.items()
        if name.startswith("great_expectations") and isinstance(logger, logging.Logger) and not logger.disabled
    ]
    for logger in loggers:
        logger.disabled = True
    try:
        yield
    finally:
        for logger in loggers:
            logger.disabled = False
