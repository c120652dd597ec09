"""The search for leaks finds what is planted in each kind of place, and a failing stage's error tells class and place only."""

from __future__ import annotations

import gzip
import json
import sqlite3
import traceback
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from pipeline import api
from pipeline.errors import ConnectionLost, SourceUnavailable, UnexpectedError
from pipeline.guard import guarded
from tests.leaks import forms, search

VALUE = 'Zwölf "grüne" Papageien, a+b@example.org'


def parquet(file: Path) -> None:
    nested = pa.array([[{"evidence": VALUE}], None])
    pq.write_table(pa.table({"verdict": nested}), file, compression="zstd", write_statistics=False)


def statistics(file: Path) -> None:
    pq.write_table(pa.table({"text": [VALUE, "z"]}), file, compression="zstd", use_dictionary=False)


def avro(file: Path) -> None:
    def number(value: int) -> bytes:
        out, value = b"", value << 1
        while value > 0x7F:
            out, value = out + bytes([value & 0x7F | 0x80]), value >> 7
        return out + bytes([value])

    def text(value: bytes) -> bytes:
        return number(len(value)) + value

    packer = zlib.compressobj(wbits=-15)
    block = packer.compress(text(VALUE.encode())) + packer.flush()
    header = b"Obj\x01" + number(2) + text(b"avro.schema") + text(b'"string"') + text(b"avro.codec") + text(b"deflate")
    file.write_bytes(header + number(0) + b"s" * 16 + number(1) + text(block) + b"s" * 16)


def sqlite(file: Path) -> None:
    with sqlite3.connect(file) as database:
        database.execute("create table log (line text)")
        database.execute("insert into log values (?)", ("x" * 4_000 + VALUE,))  # torn over two pages
    database.close()


def write_ahead_log(file: Path) -> None:
    database = sqlite3.connect(file)
    database.execute("pragma journal_mode = wal")
    database.execute("create table log (line text)")
    database.execute("insert into log values (?)", (VALUE,))
    database.commit()
    wal = Path(f"{file}-wal").read_bytes()
    database.close()
    Path(f"{file}-wal").write_bytes(wal)


def archive(file: Path) -> None:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("inner.json.gz", gzip.compress(json.dumps({"text": VALUE}).encode()))


KINDS: dict[str, Callable[[Path], object]] = {
    "log": lambda file: file.write_text(f"... {VALUE} ..."),
    "gzip": lambda file: file.write_bytes(gzip.compress(VALUE.encode())),
    "zlib": lambda file: file.write_bytes(zlib.compress(VALUE.encode())),
    "zstd": lambda file: file.write_bytes(zstandard.compress(b"x" * 99 + VALUE.encode())),
    "zip": archive,
    "parquet": parquet,
    "parquet statistics": statistics,
    "avro": avro,
    "sqlite": sqlite,
    "sqlite-wal": write_ahead_log,
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_search_finds_what_is_planted(tmp_path: Path, kind: str) -> None:
    KINDS[kind](tmp_path / "planted")
    hits = search([tmp_path], {"value": VALUE})
    assert {(hit.value, hit.file.removesuffix("-wal")) for hit in hits} == {("value", f"{tmp_path.name}/planted")}
    if kind == "parquet statistics":
        assert "" in {hit.inside for hit in hits}, "the footer's own bytes hold it"


@pytest.mark.parametrize("form", forms(VALUE))
def test_the_search_finds_every_form(tmp_path: Path, form: str) -> None:
    (tmp_path / "planted").write_bytes(b"before " + forms(VALUE)[form] + b" after")
    assert form in {hit.form for hit in search([tmp_path], {"value": VALUE})}


def test_what_is_not_there_is_not_found(tmp_path: Path) -> None:
    for kind, plant in KINDS.items():
        plant(tmp_path / kind)
    assert search([tmp_path], {"value": "Zwölf rote Papageien"}) == set()


def failing(error: Exception) -> Callable[[], None]:
    @guarded
    def call() -> None:
        try:
            {}[VALUE]
        except KeyError:
            raise error  # noqa: B904 - what a careless caller does

    return call


def shown(error: BaseException) -> str:
    return "".join(traceback.format_exception(error)) + repr(error.__context__) + repr(error.__cause__)


def test_an_unforeseen_error_tells_class_and_place_and_nothing_else() -> None:
    with pytest.raises(UnexpectedError, match=r"^ValueError outside of Sluice$") as caught:
        failing(ValueError(f"cannot parse {VALUE}"))()
    assert VALUE not in shown(caught.value)


def test_a_lost_connection_stays_worth_another_try() -> None:
    with pytest.raises(ConnectionLost, match="ConnectionResetError"):
        failing(ConnectionResetError(VALUE))()


def test_an_error_on_purpose_keeps_its_words_and_loses_what_led_to_it() -> None:
    with pytest.raises(SourceUnavailable, match=r"cannot read a\.jsonl") as caught:
        failing(SourceUnavailable("source 'x': cannot read a.jsonl"))()
    assert VALUE not in shown(caught.value)


def test_for_a_debugger_everything_passes_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLUICE_RAW_ERRORS", "1")
    with pytest.raises(ValueError, match="Papageien"):
        failing(ValueError(VALUE))()


def test_the_place_is_the_last_one_in_the_package(tmp_path: Path) -> None:
    with pytest.raises(UnexpectedError, match=r"^TypeError in pipeline/config\.py:\d+, load$"):
        api.find_drops(7)  # type: ignore[arg-type]
