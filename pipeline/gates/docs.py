"""Data Docs: what the gates found, as pages that a person opens without a network.

Great Expectations' own site loads its styles, scripts and pictures from seven outside hosts, and its index is built by a script: offline
it is a page without a list. So its statements ("values must be between 0 and 1") and its validation results are used, in a frame
of ours without any script or outside address.
"""

from __future__ import annotations

import html
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from pipeline.errors import UserError
from pipeline.fingerprint import code_digest, digest
from pipeline.gates.engine import import_gx, quiet
from pipeline.gates.result import ExpectationOutcome, GateResult
from pipeline.gates.vocabulary import require_stage

_PAGES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True, undefined=StrictUndefined
)

_Row = tuple[ExpectationOutcome, str, str]
"""An outcome, its statement and what was observed, both as HTML."""


def build_data_docs(results: list[GateResult], folder: Path, others: Mapping[str, str] | None = None) -> Path:
    """Write one page and one validation result a gate, and an index; return the index.

    Parameters
    ----------
    results
        The gates of one batch, in any order; the index keeps it.
    folder
        Made if missing. `<stage>.json` in it is Great Expectations' own validation result, which its tools read.
    others
        Other pages in the folder that the index shall link to: title by file name.

    Raises
    ------
    UserError
        If a result is of an unknown stage, or two are of the same stage: one page would hide the other.
    """
    stages = [result.stage for result in results]
    doubled = sorted({stage for stage in stages if stages.count(stage) > 1})
    if doubled:
        raise UserError(f"two results of gate {doubled[0]}: Data Docs show one batch, so pass one result a stage")
    for stage in stages:
        require_stage(stage)
    folder.mkdir(parents=True, exist_ok=True)
    for result in results:
        _write_page(result, folder)
    worst = next((verdict for verdict in ("block", "flag") if any(r.verdict == verdict for r in results)), "pass")
    index = folder / "index.html"
    page = _PAGES.get_template("index.j2").render(results=results, verdict=worst, others=others or {})
    index.write_text(page, encoding="utf-8")
    return index


def _write_page(result: GateResult, folder: Path) -> None:
    """Write a gate's page and then its validation result, unless they are there: each gate of a batch builds the whole site."""
    of = digest([result.to_json(), code_digest(("gates",))])
    native = folder / f"{result.stage}.json"
    if native.exists() and json.loads(native.read_bytes())["meta"].get("of") == of:
        return
    page = _PAGES.get_template("gate.j2").render(result=result, groups=_groups(result, _statements()))
    (folder / f"{result.stage}.html").write_text(page, encoding="utf-8")
    found = _native(result)
    found.meta["of"] = of
    replacement = native.with_suffix(".json.tmp")
    replacement.write_text(json.dumps(found.to_json_dict(), indent=1), encoding="utf-8")
    replacement.replace(native)  # last, whole or not at all: it says that the page is current


def _statements() -> Any:
    """Return Great Expectations' template that prints one of its statements or observations."""
    import_gx()
    from great_expectations.render.view.view import DefaultJinjaPageView

    source = "{% autoescape false %}{{ cell | render_content_block }}{% endautoescape %}"
    return DefaultJinjaPageView().env.from_string(source)


def _groups(result: GateResult, statements: Any) -> list[tuple[str, list[_Row]]]:
    """Return the outcomes as titled groups, what decided the verdict first."""
    titles: dict[str, list[_Row]] = {
        "Blocks": [], "Flags": [], "Recorded": [], "Warming up": [], "Not applicable": [], "Passed": [],
    }  # fmt: skip
    of_verdict = {"block": "Blocks", "flag": "Flags", "pass": "Recorded"}
    of_outcome = {"warm_up": "Warming up", "not_applicable": "Not applicable", "passed": "Passed"}
    for outcome in result.expectations:
        title = of_outcome.get(outcome.outcome) or of_verdict[outcome.consequence]
        titles[title].append((outcome, *_statement(outcome, statements)))
    return list(titles.items())


def _statement(outcome: ExpectationOutcome, statements: Any) -> tuple[str, str]:
    """Return Great Expectations' statement of an expectation and what was observed, as HTML."""
    from great_expectations.render.renderer.content_block.validation_results_table_content_block import (
        ValidationResultsTableContentBlockRenderer,
    )

    if (
        outcome.met is None or outcome.error
    ):  # nothing was observed, and parameters may stand unresolved in the arguments
        return escape(outcome.type), Markup()
    evidence = _evidence(outcome)
    evidence.success = True  # else the statement repeats the counts, which have a column of their own
    with quiet():
        rendered: Any = ValidationResultsTableContentBlockRenderer.render([evidence])
        _, statement, observed = (statements.render(cell=cell) for cell in rendered.to_json_dict()["table"][0][:3])
    if isinstance(outcome.observed, tuple):
        observed = escape(", ".join(outcome.observed))
    # Great Expectations escapes the arguments itself (a test holds it to that), and the pages' policy allows no script.
    return Markup(statement), Markup(observed)  # noqa: S704 - as above


def _evidence(outcome: ExpectationOutcome) -> Any:
    """Return an outcome as Great Expectations' own result: counts, no values."""
    from great_expectations.core.expectation_validation_result import ExpectationValidationResult
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
    from great_expectations.expectations.metadata_types import FailureSeverity

    meta = outcome.model_dump(mode="json", include={"on", "outcome", "says", "look", "samples"})
    found: dict[str, Any] = {}
    if outcome.observed is not None:
        observed = list(outcome.observed) if isinstance(outcome.observed, tuple) else outcome.observed
        found["observed_value"] = html.escape(observed) if isinstance(observed, str) else observed
    if outcome.unexpected_count is not None:
        found["element_count"] = outcome.element_count
        found["unexpected_count"] = outcome.unexpected_count
        found["unexpected_percent"] = 100 * outcome.unexpected_count / max(1, outcome.element_count or 0)
    return ExpectationValidationResult(
        success=outcome.error is None and outcome.outcome != "failed",
        expectation_config=ExpectationConfiguration(
            type=outcome.type, kwargs=dict(outcome.limit), meta=meta, severity=FailureSeverity(outcome.severity)
        ),
        result=found,
        exception_info={
            "raised_exception": outcome.error is not None,
            "exception_message": outcome.error,
            "exception_traceback": None,
        },
    )


def _native(result: GateResult) -> Any:
    """Return a gate's result as Great Expectations' own; what was not evaluated is not among its statistics."""
    from great_expectations.core.expectation_validation_result import ExpectationSuiteValidationResult

    evaluated = [outcome for outcome in result.expectations if outcome.outcome != "not_applicable"]
    failed = sum(outcome.outcome == "failed" for outcome in evaluated)
    return ExpectationSuiteValidationResult(
        success=failed == 0,
        results=[_evidence(outcome) for outcome in evaluated],
        suite_name=result.stage,
        statistics={
            "evaluated_expectations": len(evaluated),
            "successful_expectations": len(evaluated) - failed,
            "unsuccessful_expectations": failed,
            "success_percent": 100 * (len(evaluated) - failed) / len(evaluated) if evaluated else None,
        },
        meta={"verdict": result.verdict, "suite_digest": result.suite_digest},
        suite_parameters={},
    )
