"""Hostile inputs fail as they should, alone, and cost what their size may cost."""

from __future__ import annotations

import gzip
import json
import os
import time

import pytest

from pipeline.source import Source
from pipeline.sources.files import list_files
from tests.sources.hostile import GOOD, LIMITS, MIB, lines, parquets, table
from tests.sources.hostile_archives import FIRST, LAST, archives
from tests.sources.hostile_licensed import licensed

CASES = [*lines(), *archives(), *parquets()]
LICENSED = licensed()


def outcomes(reasons: list[str]) -> dict[str, int]:
    return {reason: reasons.count(reason) for reason in reasons}


def test_there_are_enough_of_them():
    assert len({case.name for case in (*CASES, *LICENSED)}) == len(CASES) + len(LICENSED)
    assert len(CASES) >= 100
    assert len(LICENSED) >= 50


@pytest.mark.parametrize(
    ("case", "kind"),
    [*((case, "web") for case in CASES), *((case, "licensed") for case in LICENSED)],
    ids=lambda value: getattr(value, "name", value),
)
def test_a_hostile_file_has_its_one_outcome(read, case, kind):
    started = time.process_time()
    result = read(case.content, case.name, kind, **LIMITS)
    assert outcomes(result.reasons) == case.outcomes
    assert time.process_time() - started < 10
    for row in result.rows:
        written = " ".join(str(row[name]) for name in ("uri", "record_id", "license", "record_file"))
        assert written.isprintable()
        assert len(written) < 20_000


def test_a_web_archive_that_is_cut_keeps_just_what_was_whole(read):
    first, last = FIRST.rstrip(b"\r\n"), LAST.rstrip(b"\r\n")
    whole = FIRST + last
    for length in range(0, len(whole), 3):
        reasons = read(whole[:length], "a.warc").reasons
        kept = (length >= len(first)) + (length >= len(whole))
        assert reasons.count("kept") == kept, length
        assert len(reasons) - kept <= 1, length
        # Nothing is lost silently: what follows a record's end is a failure, unless it is the line ends.
        assert len(reasons) > kept or not whole[len(first) * min(kept, 1) : length].strip(), length


def test_a_compressed_web_archive_that_is_cut_keeps_just_what_was_whole(read):
    packed = [gzip.compress(FIRST), gzip.compress(LAST)]
    whole = b"".join(packed)
    for length in range(1, len(whole) + 1, 5):
        reasons = read(whole[:length], "a.warc.gz").reasons
        kept = (length >= len(packed[0])) + (length >= len(whole))
        assert reasons.count("kept") == kept, length
        assert len(reasons) - kept == (length not in {len(packed[0]), len(whole)}), length


@pytest.mark.parametrize("kind", ["", ".gz"])
def test_json_lines_that_are_cut_keep_just_what_was_whole(read, kind):
    line = json.dumps({"text": "Another good line."}).encode()
    content = GOOD + line + b"\n"
    whole = gzip.compress(content) if kind else content
    for length in range(1, len(whole)):
        reasons = read(whole[:length], f"a.jsonl{kind}").reasons
        if kind:
            # One byte is not known to be gzip.
            assert reasons[-1] == ("truncated_record" if length > 1 else "unreadable_record"), length
            assert set(reasons[:-1]) <= {"kept"}
        else:
            kept = (length >= len(GOOD) - 1) + (length >= len(GOOD) + len(line))
            assert reasons == ["kept"] * kept + ["unreadable_record"] * (
                length not in {len(GOOD) - 1, len(GOOD)} and kept < 2
            )


def test_a_parquet_file_that_is_cut_is_one_failed_record(read):
    whole = table(columns={"text": ["one", "two"]})
    for length in range(len(whole)):
        assert read(whole[:length], "a.parquet").reasons == ["unreadable_record"], length


@pytest.mark.skipif(os.geteuid() == 0 and not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_what_is_no_file_of_the_source_is_named_and_not_opened(tmp_path):
    inside = tmp_path / "source"
    inside.mkdir()
    (tmp_path / "outside.jsonl").write_bytes(GOOD)
    (inside / "good.jsonl").write_bytes(GOOD)
    os.mkfifo(inside / "pipe.jsonl")
    (inside / "circle.jsonl").symlink_to("circle.jsonl")
    (inside / "up.jsonl").symlink_to("../outside.jsonl")
    (inside / "device.jsonl").symlink_to("/dev/zero")
    (inside / "gone.jsonl").symlink_to("nowhere")
    (inside / "odd\x1b[2J\n.jsonl").write_bytes(GOOD)
    with open(os.fsencode(inside) + b"/latin\xff.jsonl", "wb") as file:  # noqa: PTH123 - the name is no text
        file.write(GOOD)
    listing = list_files(Source(name="feed", kind="web", paths=(str(inside),)))
    assert {file.path for file in listing.files} == {"good.jsonl", "odd\x1b[2J\n.jsonl"}
    assert {entry.path: entry.reason for entry in listing.unread} == {
        "pipe.jsonl": "no_regular_file",
        "circle.jsonl": "link_out_of_source",
        "up.jsonl": "link_out_of_source",
        "device.jsonl": "link_out_of_source",
        "gone.jsonl": "link_out_of_source",
        "latin\\xff.jsonl": "undecodable_name",
    }


@pytest.mark.slow
def test_a_line_of_a_gibibyte_is_digested_in_bounded_memory(tmp_path):
    from tests.sources.conftest import read_path

    file = tmp_path / "a.jsonl"
    with file.open("wb") as stream:
        stream.write(GOOD + b'{"text": "')
        for _ in range(1024):
            stream.write(b"x" * MIB)
        stream.write(b'"}\n' + GOOD)
    result = read_path(file)
    assert result.reasons == ["kept", "record_too_large", "kept"]
    assert result.rows[1]["verdict"][0]["value"] == 1024 * MIB + 12
