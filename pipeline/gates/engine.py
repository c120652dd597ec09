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
from pipeline.gates.remembered import remembered_configurations

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
    """Import Great Expectations (about 7 s the first time), with its telemetry off."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    defer("altair")
    defer("scipy.stats")
    import great_expectations

    module: ModuleType = great_expectations
    return module


class Engine:
    """A Great Expectations context of its own, so that no state outlives a gate."""

    def __init__(self) -> None:
        self._gx = import_gx()
        from great_expectations.data_context.types.base import (
            DataContextConfig,
            InMemoryStoreBackendDefaults,
            ProgressBarsConfig,
        )

        configuration = DataContextConfig(
            store_backend_defaults=InMemoryStoreBackendDefaults(),
            progress_bars=ProgressBarsConfig(globally=False, metric_calculations=False),
            analytics_enabled=False,
        )
        self._context = self._gx.get_context(mode="ephemeral", project_config=configuration)

    def evaluate(
        self,
        name: str,
        frame: Any,
        entries: dict[int, dict[str, Any]],
        parameters: dict[str, Any],
        result_format: dict[str, Any],
    ) -> dict[int, Any]:
        """Evaluate expectations on one frame.

        Parameters
        ----------
        name
            What the frame is called, once an engine.
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
        expectations = [_build(self._gx, position, entry) for position, entry in entries.items()]
        suite = self._gx.ExpectationSuite(name=name, expectations=expectations)
        with quiet(), remembered_configurations():
            batch = self._batch(name, frame)
            results = batch.validate(suite, result_format=result_format, expectation_parameters=parameters)
        return {result.expectation_config.meta[_POSITION]: result for result in results.results}

    def _batch(self, name: str, frame: Any) -> Any:
        if type(frame).__module__.startswith("pyspark"):
            # Persisting costs more than it saves here: five times the time of a validation.
            source = self._context.data_sources.add_spark(name, persist=False)
        else:
            source = self._context.data_sources.add_pandas(name)
        definition = source.add_dataframe_asset(name).add_batch_definition_whole_dataframe(name)
        return definition.get_batch({"dataframe": frame})


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
    except (gx.exceptions.GreatExpectationsError, ValueError, TypeError, KeyError, AttributeError) as error:
        reason = " ".join(str(error).split())
        raise ConfigError(f"expectation {position + 1} ({entry['type']}) has wrong arguments: {reason}") from None


@contextlib.contextmanager
def quiet() -> Iterator[None]:
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
