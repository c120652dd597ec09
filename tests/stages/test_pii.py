"""Stage `pii`: a table of (text, reason or kept), the contract, and its columns."""

from __future__ import annotations

import pickle

import pyarrow as pa
import pytest

from pipeline import document
from pipeline.errors import ConfigError
from pipeline.settings import Pii
from pipeline.stage import Stage
from pipeline.stages.pii import PiiStage
from pipeline.verdict import reasons

STAGE = PiiStage()
ONLY = "pii.only_personal_data@1"


def batch(*texts: str | None) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict({"text": pa.array(texts, pa.string())})


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", None),
        ("...", None),
        ("Nothing personal.", None),
        ("a@b.com", ONLY),
        (" a@b.com,\n+1 650 253 0000! ", ONLY),
        ("<EMAIL_ADDRESS>", ONLY),
        ("Tel: +1 650 253 0000", None),
        ("a@b.com 7", None),
        ("a@b.com \u4e2d", None),
        ("\x00", None),
        ("x" * 100_000, None),
    ],
)
def test_verdicts(text: str, reason: str | None) -> None:
    result = STAGE.apply(batch(text))
    assert reasons(result.column("verdict")).to_pylist() == [reason]


def test_columns() -> None:
    result = STAGE.apply(batch("a@b.com here", None, "219-09-9998, see 192.0.2.1"))
    assert result.schema == document.PII
    assert result.column("text").to_pylist() == ["<EMAIL_ADDRESS> here", None, "<US_SSN>, see <IP_ADDRESS>"]
    assert result.column("pii_count").to_pylist() == [1, None, 2]
    assert result.column("pii_left").to_pylist() == [0, None, 0]
    assert result.column("pii_spans").to_pylist()[2] == [
        {"type": "US_SSN", "start": 0, "end": 8, "recognizer": "UsSsnRecognizer", "score": 0.5, "token": "<US_SSN>"},
        {
            "type": "IP_ADDRESS",
            "start": 14,
            "end": 26,
            "recognizer": "IpRecognizer",
            "score": pytest.approx(0.6),
            "token": "<IP_ADDRESS>",
        },
    ]


def test_no_value_is_in_any_column_but_the_text() -> None:
    result = STAGE.apply(batch("secret.person@example.com"))
    assert "secret" not in str(result.to_pylist())


def test_contract() -> None:
    assert isinstance(STAGE, Stage)
    assert STAGE.apply(batch()).schema == document.PII
    assert STAGE.apply(batch()).num_rows == 0
    again = pickle.loads(pickle.dumps(STAGE))  # noqa: S301 - our own bytes
    assert again == STAGE
    assert set(STAGE.models) == {"presidio-analyzer", "phonenumbers", "regex", "public_suffix_list"}
    assert all(len(digest) == 64 for digest in STAGE.models.values())


def named(policy: str, *rows: tuple[str, str | None]) -> pa.RecordBatch:
    stage = PiiStage(Pii(names=True, uncovered_language=policy))
    texts, languages = zip(*rows, strict=True)
    return stage.apply(
        pa.RecordBatch.from_pydict({"text": pa.array(texts), "language": pa.array(languages, pa.string())})
    )


def test_a_language_that_no_model_knows_is_marked_or_rejected_and_never_silently_left() -> None:
    rows = [
        ("My name is Anna Petersson, a@b.com.", "en"),
        ("Mein Name ist Anna Petersson, a@b.com.", "de"),
        ("Anna Petersson, a@b.com", None),
    ]
    marked = named("mark", *rows)
    assert marked.column("pii_names").to_pylist() == [True, False, False]
    assert marked.column("text").to_pylist() == [
        "My name is <PERSON>, <EMAIL_ADDRESS>.",
        "Mein Name ist Anna Petersson, <EMAIL_ADDRESS>.",
        "Anna Petersson, <EMAIL_ADDRESS>",
    ]
    assert reasons(marked.column("verdict")).to_pylist() == [None, None, None]
    rejected = named("reject", *rows)
    uncovered = "pii.uncovered_language@1"
    assert reasons(rejected.column("verdict")).to_pylist() == [None, uncovered, uncovered]
    assert STAGE.apply(batch("a")).column("pii_names").to_pylist() == [None]


@pytest.mark.parametrize(("replacement", "text"), [("cut", ""), ("placeholder", "<EMAIL_ADDRESS>")])
def test_a_text_of_which_nothing_else_is_left(replacement: str, text: str) -> None:
    result = PiiStage(Pii(replacement=replacement)).apply(batch("a@b.com", "nothing", ""))
    assert result.column("text").to_pylist() == [text, "nothing", ""]
    assert reasons(result.column("verdict")).to_pylist() == [ONLY, None, None]


def test_the_key_and_the_names_model_are_among_the_models(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = PiiStage(Pii(replacement="pseudonym", names=True))
    monkeypatch.setenv("SLUICE_PII_KEY_0", "a" * 32)
    one = stage.models
    monkeypatch.setenv("SLUICE_PII_KEY_0", "b" * 32)
    assert set(one) - set(STAGE.models) == {"names", "pseudonym_key"}
    assert one["pseudonym_key"] != stage.models["pseudonym_key"]
    assert b"a" * 32 not in pickle.dumps(stage)


def test_an_unknown_entity_is_a_mistake_of_the_configuration() -> None:
    with pytest.raises(ConfigError, match="did you mean 'EMAIL_ADDRESS'"):
        PiiStage(Pii(entities=("EMAIL",))).apply(batch("a"))
