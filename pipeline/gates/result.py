"""What a gate found: the verdict and each expectation's outcome, for people and for the next stage.

A result holds names, limits, counts and document ids. It never holds a value of a row: what a stage wrote about a document may be
personal data, and results end in logs, XComs, reports and the release.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal

from pydantic import ValidationError

from pipeline.errors import SnapshotError
from pipeline.source import Model

Verdict = Literal["pass", "flag", "block"]
Severity = Literal["critical", "warning", "info"]
Outcome = Literal["passed", "failed", "not_applicable", "warm_up"]

MAX_SAMPLES = 20

_COLUMN_SET = "expect_table_columns_to_match_set"


class ExpectationOutcome(Model):
    """One expectation and what came of it."""

    type: str
    on: Literal["rows", "metrics"]
    subject: str
    """The column or columns, the metric, or "table"."""
    severity: Severity
    outcome: Outcome
    """`not_applicable`: not measured, or the stage is off. `warm_up`: evaluated against too little history, decides nothing."""
    met: bool | None
    """Whether the expectation holds; null where it was not or could not be evaluated."""
    observed: bool | int | float | str | tuple[str, ...] | None = None
    """The metric's value, or a number or the columns' names where the expectation is about the whole table."""
    limit: dict[str, Any]
    """The expectation's arguments, parameters replaced by their values."""
    unexpected_count: int | None = None
    """Rows that fail; null where rows are not what is counted."""
    element_count: int | None = None
    """Rows that it looked at."""
    says: str
    look: str | None = None
    samples: tuple[str, ...] = ()
    """Up to 20 ids of failing documents, the smallest first."""
    error: str | None = None
    """Why it could not be evaluated; such an expectation blocks whatever its severity."""

    @property
    def consequence(self) -> Verdict:
        """What this outcome alone does to the verdict."""
        if self.error is not None:
            return "block"
        if self.outcome != "failed":
            return "pass"
        return {"critical": "block", "warning": "flag", "info": "pass"}[self.severity]  # type: ignore[return-value] # mypy widens a literal dict's values

    def sentence(self) -> str:
        """Return the outcome in one line."""
        what = f"{self.type} on {_place(self)}"
        if self.error is not None:
            found = f"could not be checked: {self.error}"
        elif self.unexpected_count is not None and self.on == "rows":
            found = f"{self.unexpected_count:,} of {self.element_count or 0:,} values {_breach(self)}"
        elif self.type == _COLUMN_SET and isinstance(self.observed, tuple):
            found = _difference(set(self.limit.get("column_set") or ()), set(self.observed))
        elif self.observed is None:
            found = f"the values {_breach(self)}"
        else:
            found = f"{_number(self.observed)} {_breach(self)}"
        look = f"; look: {self.look}" if self.look else ""
        samples = f" (e.g. {', '.join(self.samples[:3])})" if self.samples else ""
        return f"{what}: {found}{_mostly(self.limit)}{look}{samples}"


class GateResult(Model):
    """The verdict of a gate on one stage of one batch."""

    stage: str
    suite_digest: str
    verdict: Verdict
    rows: int
    """Documents that were live when the stage began."""
    expectations: tuple[ExpectationOutcome, ...]
    seconds: float
    """Wall time of the checks, the import of Great Expectations left out."""

    @property
    def failed(self) -> tuple[ExpectationOutcome, ...]:
        """The expectations that failed or could not be checked, the gravest first."""
        rank = {"block": 0, "flag": 1, "pass": 2}
        failed = (entry for entry in self.expectations if entry.outcome == "failed")
        return tuple(sorted(failed, key=lambda entry: rank[entry.consequence]))

    def count(self, outcome: Outcome) -> int:
        """Return how many expectations had an outcome."""
        return sum(entry.outcome == outcome for entry in self.expectations)

    def message(self) -> str:
        """Return the verdict in one line, or with one more line for each further expectation that failed."""
        head = f"gate {self.stage}: {self.verdict}."
        if not self.failed:
            parts = [f"{self.count('passed')} expectations passed"]
            parts += [f"{n} {name}" for name, n in self._silent().items() if n]
            return f"{head} {', '.join(parts)}"
        return "\n".join([f"{head} {self.failed[0].sentence()}", *(entry.sentence() for entry in self.failed[1:])])

    def _silent(self) -> dict[str, int]:
        return {"not applicable": self.count("not_applicable"), "warming up": self.count("warm_up")}

    def to_json(self) -> str:
        """Return the result as JSON."""
        return self.model_dump_json(indent=1)

    @classmethod
    def from_json(cls, text: str | bytes) -> GateResult:
        """Read what `to_json` wrote.

        Raises
        ------
        SnapshotError
            If it is damaged or of another version.
        """
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            raise SnapshotError(
                f"the gate's result cannot be read ({error.error_count()} fields do not fit): run the gate again"
            ) from None


def decide(outcomes: tuple[ExpectationOutcome, ...]) -> Verdict:
    """Return the gravest consequence of the outcomes."""
    consequences = {entry.consequence for entry in outcomes}
    return "block" if "block" in consequences else "flag" if "flag" in consequences else "pass"


def _place(outcome: ExpectationOutcome) -> str:
    if outcome.on == "metrics":
        return f"metric {outcome.subject}"
    if outcome.subject == "table":
        return "the table"
    return f"column{'s' if ',' in outcome.subject else ''} {outcome.subject}"


def _mostly(limit: dict[str, Any]) -> str:
    mostly = limit.get("mostly")
    return f" ({mostly:.4g} of them must be right)" if isinstance(mostly, int | float) and mostly < 1 else ""


def _number(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return ", ".join(value) if isinstance(value, tuple) else str(value)
    if isinstance(value, int) or (math.isfinite(value) and value.is_integer()):
        return f"{int(value):,}"
    return f"{value:.6g}"


def _listed(values: Any) -> str:
    entries = [str(value) for value in values or ()]
    return ", ".join(entries[:8]) + (f" and {len(entries) - 8} more" if len(entries) > 8 else "")


def _difference(wanted: set[str], found: set[str]) -> str:
    parts = [("missing", wanted - found), ("not known", found - wanted)]
    return "; ".join(f"{word}: {_listed(sorted(names))}" for word, names in parts if names)


def _range(limit: dict[str, Any]) -> str:
    low, high = limit.get("min_value"), limit.get("max_value")
    if high is None:
        return f"{'at or ' if limit.get('strict_min') else ''}below {_number(low)}"
    if low is None:
        return f"{'at or ' if limit.get('strict_max') else ''}above {_number(high)}"
    if low == high:
        return f"not equal to {_number(low)}"
    left, right = "(" if limit.get("strict_min") else "[", ")" if limit.get("strict_max") else "]"
    return f"outside {left}{_number(low)}, {_number(high)}{right}"


_BREACHES: dict[str, Callable[[dict[str, Any]], str]] = {
    "expect_column_values_to_not_be_null": lambda _: "missing",
    "expect_column_values_to_be_null": lambda _: "present where none may be",
    "expect_column_values_to_be_unique": lambda _: "not unique",
    "expect_column_values_to_be_in_set": lambda limit: f"not among {_listed(limit.get('value_set'))}",
    "expect_column_values_to_not_be_in_set": lambda limit: f"among {_listed(limit.get('value_set'))}",
    "expect_column_values_to_match_regex": lambda limit: f"not of the form {limit.get('regex')}",
    "expect_column_values_to_not_match_regex": lambda limit: f"of the form {limit.get('regex')}",
}


def _breach(outcome: ExpectationOutcome) -> str:
    """Say what is wrong with the values, from the expectation's type and limit."""
    if outcome.type.endswith("_to_be_between"):
        return _range(outcome.limit)
    if outcome.type in _BREACHES:
        return _BREACHES[outcome.type](outcome.limit)
    shown = {key: value for key, value in outcome.limit.items() if not key.startswith("column")}
    return f"not as expected ({', '.join(f'{key}={value}' for key, value in sorted(shown.items()))})"
