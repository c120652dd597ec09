"""The demonstration's input is real text, readable by the shortest configuration, the same on a second run."""

from __future__ import annotations

import gzip
import json
import tomllib
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from fastwarc.warc import ArchiveIterator

from pipeline.config import load, parse
from pipeline.demo import capture, packages, posts
from pipeline.demo import input as demo_input
from pipeline.demo.input import make_input, use_folder
from pipeline.errors import UserError
from pipeline.sources.files import list_files
from pipeline.sources.records import read_file
from pipeline.verdict import reasons

PLAIN = "data_pipeline:\n  ingestion:\n    sources: [social_feeds, web_crawl, licensed_content]\n"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A whole input, its web pages cut short: starting the server and a few pages show that it works."""
    folder = tmp_path_factory.mktemp("demo")
    patch = pytest.MonkeyPatch()
    patch.setattr(demo_input, "MOST_PAGES", 8)
    yield folder, make_input(folder)
    patch.undo()


def read_source(source) -> tuple[Counter, list[dict]]:
    counts, rows = Counter(), []
    for file in list_files(source).files:
        reading = read_file(source, file)
        for chunk in reading:
            counts.update(reason or "kept" for reason in reasons(chunk.columns["verdict"]).to_pylist())
            rows += [a | b for a, b in zip(chunk.columns.to_pylist(), chunk.raw.to_pylist(), strict=True)]
        assert reading.account.records_read == len(rows)
    return counts, rows


def test_the_shortest_configuration_reads_all_of_it(made):
    folder, report = made
    assert report.documents >= 1_000
    for source in parse(PLAIN, folder).ingestion.sources:
        counts, rows = read_source(source)
        assert counts["kept"] == counts.total() == report.sources[source.name].documents > 0
        assert len({row["document_id"] for row in rows}) == len(rows)


def test_the_text_has_natural_duplicates_licences_and_addresses(made):
    folder, _ = made
    sources = {source.name: source for source in parse(PLAIN, folder).ingestion.sources}
    _, licensed = read_source(sources["licensed_content"])
    assert len({row["text_digest"] for row in licensed}) < len(licensed)
    assert {"MIT", "Apache-2.0"} <= {row["license"] for row in licensed}
    assert sum("@" in row["text"] for row in licensed) > 50
    _, pages = read_source(sources["web_crawl"])
    assert len(pages) <= 8
    assert all(row["uri"].startswith("http://pydoc.localhost/") for row in pages)
    assert sum(row["characters"] for row in pages) > 500 * len(pages)


def test_a_second_run_leaves_it_and_a_changed_file_makes_it_anew(made):
    folder, report = made
    again = make_input(folder)
    assert again.reused
    assert again.sources == report.sources
    social = folder / "input" / report.sources["social_feeds"].file
    before = social.read_bytes()
    social.write_bytes(before + b"{}\n")
    renewed = make_input(folder)
    assert not renewed.reused
    assert social.read_bytes() == before
    assert renewed.sources["licensed_content"] == report.sources["licensed_content"]


def test_it_works_without_debian(tmp_path):
    messages = list(posts.posts(tmp_path / "absent"))
    assert len(messages) >= 50
    entries = list(packages.licensed_entries(tmp_path / "absent"))
    assert len(entries) >= 300
    assert len({entry.url for entry in entries}) == len(entries)


def test_each_kind_is_bounded_and_drawn_in_order(tmp_path):
    entries = [packages.Entry(f"{i:05}/description", f"u{i}", None, "text") for i in range(2_000)]
    assert demo_input.write_licensed(tmp_path / "a.parquet", entries) == demo_input.MOST["description"]
    ids = pq.read_table(tmp_path / "a.parquet")["id"].to_pylist()
    assert ids == sorted(ids)
    assert demo_input.write_posts(tmp_path / "a.jsonl", [posts.Post("a", "x" * 100_000), posts.Post("b", "short")]) == 1
    assert json.loads((tmp_path / "a.jsonl").read_text())["id"] == "b"


CHANGES = """
Intro text.

## 1.2.0 (2024-01-02)

* Added a thing that many people had asked for since the beginning

1.1
---
short

v1.0.3
* Fixed the first thing that broke after the release, thanks to someone
"""


def test_change_logs_are_cut_at_versions():
    assert [version for version, _ in posts.release_entries(CHANGES)] == ["1.2.0", "1.0.3"]


def test_debian_entries_keep_their_signature(tmp_path):
    folder = tmp_path / "tool"
    folder.mkdir()
    entry = "tool (1.0-{n}) unstable; urgency=medium\n\n  * Change {n}.\n\n -- A. Person <a.person@example.org>  Tue, 20 Sep 2022 12:17:15 -0400\n\n"
    with gzip.open(folder / "changelog.Debian.gz", "wt") as stream:
        stream.write("".join(entry.format(n=n) for n in range(9)))
    found = list(posts.debian_entries(folder / "changelog.Debian.gz"))
    assert [post.id for post in found] == ["tool/1.0-0", "tool/1.0-1", "tool/1.0-2"]
    assert all(post.text.startswith("tool (1.0-") and post.text.endswith("-0400") for post in found)
    assert found[0].date == "Tue, 20 Sep 2022 12:17:15 -0400"
    (folder / "changelog.Debian.gz").write_bytes(b"not gzip")
    assert list(posts.debian_entries(folder / "changelog.Debian.gz")) == []


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"License-Expression": "MIT OR Apache-2.0", "License": "x"}, "MIT OR Apache-2.0"),
        ({"Classifier": "License :: OSI Approved :: MIT License"}, "MIT"),
        ({"Classifier": "License :: OSI Approved :: BSD License"}, None),
        ({"License": "BSD-3-Clause"}, "BSD-3-Clause"),
        ({"License": "see the file"}, None),
        ({}, None),
    ],
)
def test_licences_are_taken_where_they_are_sure(fields, expected):
    from email.message import Message

    metadata = Message()
    for key, value in fields.items():
        metadata[key] = value
    assert packages.spdx(metadata) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('"""Doc."""\nimport x\n', "Doc."),
        ("#!/usr/bin/env python\n# comment\n\n'''Two\nlines'''\n", "Two\nlines"),
        ('r"""raw \\d"""', "raw \\d"),
        ("import x\n", ""),
        ("", ""),
        ('"""never closed', ""),
        ('"""bad \\N{no such name}"""', ""),
    ],
)
def test_docstrings_are_read_without_importing(tmp_path, source, expected):
    file = tmp_path / "module.py"
    file.write_text(source)
    assert packages.module_docstring(file) == expected


def test_the_crawl_leaves_dangerous_modules_alone():
    paths = list(capture.page_paths())
    names = {path.removeprefix("/").removesuffix(".html").split(".")[0] for path in paths if path.endswith(".html")}
    assert {"json", "os", "asyncio"} <= names
    assert names.isdisjoint(capture.SKIPPED)
    assert len(paths) == len(set(paths))


def test_a_crawl_without_time_still_leaves_a_valid_archive(tmp_path):
    assert capture.capture(tmp_path / "a.warc.gz", 10, 10**6, 0.0) == 0
    with (tmp_path / "a.warc.gz").open("rb") as stream:
        assert len(list(ArchiveIterator(stream))) == 1


def test_a_users_folder_becomes_a_configuration(tmp_path):
    own = tmp_path / "own"
    (own / "deep").mkdir(parents=True)
    (own / "a.jsonl").write_text('{"text": "a"}\n')
    (own / "note.bin").write_text("x")
    target = tmp_path / "work" / "sluice.yaml"
    sources = use_folder(own, target)
    assert [(source["name"], source["kind"]) for source in sources] == [("own_files", "licensed")]
    (read,) = load(target).ingestion.sources
    assert [unread.path for unread in list_files(read).unread] == ["note.bin"]
    (own / "deep" / "b.warc.gz").write_bytes(b"")
    use_folder(own, target)
    listed = {
        source.name: [file.path for file in list_files(source).files] for source in load(target).ingestion.sources
    }
    assert listed == {"own_web": ["b.warc.gz"], "own_files": ["a.jsonl"]}


@pytest.mark.parametrize(
    "make", [lambda _: None, lambda p: p.mkdir(), lambda p: (p.mkdir(), (p / "x.bin").write_text("x"))]
)
def test_a_folder_without_known_files_is_refused(tmp_path, make):
    make(tmp_path / "own")
    with pytest.raises(UserError, match=r"\.jsonl, \.parquet or \.warc"):
        use_folder(tmp_path / "own", tmp_path / "c.yaml")


def test_the_demo_needs_no_undeclared_package():
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    declared = " ".join(project["dependencies"])
    assert all(
        name in declared for name in ("warcio", "fastwarc", "resiliparse", "zstandard", "brotli", "ftfy", "pydantic")
    )
