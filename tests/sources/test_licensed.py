"""Licensed content: CSV, plain text and Markdown, JATS. What is bad fails alone, and a licence is asked for in every format."""

from __future__ import annotations

import csv
import gzip
import io
import json
import random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.source import Source
from pipeline.sources.files import SourceFile
from pipeline.sources.records import read_file
from tests.sources.conftest import Reading, check

ARTICLE = """<?xml version="1.0"?>
<!DOCTYPE article PUBLIC "-//NLM//DTD JATS v1.0//EN" "JATS-journalpublishing1.dtd">
<article xml:lang="en" xmlns:xlink="http://www.w3.org/1999/xlink"><front><article-meta>
<article-id pub-id-type="doi">10.1/abc</article-id>
<title-group><article-title>On <italic>mice</italic><xref ref-type="fn">*</xref></article-title></title-group>
<contrib-group><contrib><name><surname>Quentina</surname></name></contrib></contrib-group>
<pub-date pub-type="collection"><year>2015</year></pub-date>
<pub-date pub-type="epub"><day>3</day><month>2</month><year>2014</year></pub-date>
<permissions><copyright-holder>The holders</copyright-holder><license xlink:href="http://creativecommons.org/licenses/by/4.0/"><license-p>Free.</license-p></license></permissions>
<abstract abstract-type="toc"><p>Teaser.</p></abstract><abstract><title>Abstract</title><p>Short&nbsp;summary.</p></abstract>
</article-meta></front>
<body><sec><title>Methods</title><p>We looked<sup>2</sup> at
 them <xref ref-type="bibr">[1]</xref>:<list><list-item><p>one</p></list-item><list-item><p>two</p></list-item></list></p>
<fig><caption><p>A figure.</p></caption></fig>
<table-wrap><table><tr><td>a</td><td>b</td></tr></table></table-wrap><p>End.</p></sec></body>
<back><ack><p>Thanks.</p></ack><ref-list><title>References</title><ref><mixed-citation>Somebody, a book.</mixed-citation></ref></ref-list></back>
<sub-article><front-stub/><body><p>A review.</p></body></sub-article></article>"""


@pytest.fixture
def read(tmp_path):
    """Return a function that writes a file and reads it in a format."""

    def written(content: bytes | str, form: str, name: str = "file", **fields) -> Reading:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        source = Source(name="feed", kind="licensed", **fields)
        return check(read_file(source, SourceFile("feed", str(path), path.name, path.stat().st_size, form)))

    return written


def texts(reading: Reading) -> list[str | None]:
    return [row["text"] for row in reading.rows]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_a_table_with_quotes_lines_and_a_byte_order_mark(read, delimiter):
    rows = [
        ["id", "text", "license", "title"],
        ["1", f'a{delimiter} b\nsecond "line"', "MIT", "T"],
        ["2", "plain", "", ""],
        ["3", "", "MIT", ""],
    ]
    sink = io.StringIO()
    csv.writer(sink, delimiter=delimiter, lineterminator="\r\n").writerows(rows)
    reading = read(b"\xef\xbb\xbf" + sink.getvalue().encode() + b"\r\n", "csv")
    assert texts(reading) == [rows[1][1], "plain", None]
    assert reading.reasons == ["kept", "kept", "no_text"]
    assert [row["record_offset"] for row in reading.rows] == [1, 3, 4]
    assert [row["license"] for row in reading.rows] == ["MIT", None, "MIT"]
    assert reading.rows[0]["title"] == "T"
    assert reading.account.kinds == {"header": 1, "blank line": 1}


def test_other_quotes_and_escapes(read):
    content = "text;id\n'a\\'b; c';1\n"
    assert texts(read(content, "csv", csv_delimiter=";", csv_quote="'", csv_escape="\\")) == ["a'b; c"]


@pytest.mark.parametrize(
    ("bad", "reasons"),
    [
        (b'"never closed,9', ["unreadable_record"]),
        (b'"closed" badly,9', ["unreadable_record"]),
        (b"too,many,fields", ["unreadable_record"]),
        (b"few", ["unreadable_record"]),
        (b"caf\xe9,9", ["undecodable_text"]),
        (b"x" * 300 + b",9", ["record_too_large"]),
        (b'"' + b"y" * 150 + b"\n" + b"y" * 150, ["unreadable_record", "unreadable_record"]),
        (b"", []),
    ],
)
def test_a_bad_row_fails_alone_with_its_line(read, bad, reasons):
    good = b"one,1\ntwo,2\n"
    reading = read(b"text,id\n" + good + bad + b"\nthree,3\nfour,4", "csv", max_record_bytes=200)
    assert reading.reasons == ["kept", "kept", *reasons, "kept", "kept"]
    assert [t for t in texts(reading) if t] == ["one", "two", "three", "four"]
    assert not reasons or reading.rows[2]["record_offset"] == 3


def test_a_table_without_the_column_says_so_of_each_row(read):
    reading = read("body,id\na,1\nb,2\n", "csv")
    assert reading.reasons == ["unreadable_record"] * 2
    assert {row["verdict"][0]["evidence"] for row in reading.rows} == {"no_such_column"}
    assert texts(read("body,id\na,1\n", "csv", text_field="body")) == ["a"]


def test_a_compressed_table_that_breaks_off_keeps_what_came_before(read):
    body = "text,id\n" + "".join(f"row {i} {random.Random(i).random()},{i}\n" for i in range(2_000))
    packed = gzip.compress(body.encode())
    reading = read(packed[: len(packed) // 2], "csv")
    assert set(reading.reasons[:-2]) == {"kept"}
    assert reading.reasons[-1] == "truncated_record"
    assert len(reading.rows) > 500


def test_any_bytes_at_all_are_accounted_for(read):
    chance = random.Random(5)
    for turn in range(60):
        content = bytes(chance.choice(b"a\",;\n\r\x00\xff '") for _ in range(chance.randrange(120)))
        read(b"text,id\n" + content, "csv", name=f"{turn}", max_record_bytes=50)


@pytest.mark.parametrize(
    ("content", "text", "fields"),
    [
        ("# Head\n\nBody", "# Head\n\nBody", {"title": "Head", "license": None}),
        ("---\ntitle: T\nlicence: CC0-1.0\ndate: 2024-02-03\nlanguage: de\nauthor: Quentina\n---\nBody", "Body", {"title": "T", "license": "CC0-1.0", "language_hint": "de"}),
        ('+++\ntitle = "T"\nlicense = "MIT"\ndate = 2024-02-03\n+++\r\nBody', "Body", {"title": "T", "license": "MIT"}),
        ("---\nno front matter\n---\nBody", "---\nno front matter\n---\nBody", {"title": None}),
        ("---\n: [broken\n---\nBody", "---\n: [broken\n---\nBody", {"title": None}),
        ("---\nopen", "---\nopen", {"title": None}),
        ("<!-- SPDX-License-Identifier: CC-BY-4.0 -->\nBody", "<!-- SPDX-License-Identifier: CC-BY-4.0 -->\nBody", {"license": "CC-BY-4.0", "consent_evidence": "text:spdx"}),
        ("\ufeffBody", "Body", {"title": None}),
    ],
)  # fmt: skip
def test_a_file_of_text_is_a_document(read, content, text, fields):
    (row,) = read(content, "text", name="a.md").rows
    assert row["text"] == text
    assert {name: row[name] for name in fields} == fields
    if "2024" in content:
        assert row["published_at"].isoformat() == "2024-02-03T00:00:00+00:00"
        assert row["fetched_at"] is None
    assert "Quentina" not in str({k: v for k, v in row.items() if k != "record"})


def test_front_matter_that_is_hostile_costs_nothing(read):
    bomb = (
        "---\na: &a [x, x]\n"
        + "".join(f"{chr(98 + i)}: &{chr(98 + i)} [*{chr(97 + i)}, *{chr(97 + i)}]\n" for i in range(20))
        + "title: *u\n---\nBody"
    )
    assert read(bomb, "text").reasons == ["kept"]
    assert read("---\n" + "[" * 50_000 + "\n---\nBody", "text").reasons == ["kept"]
    assert read("---\n!!python/object/apply:os.system [true]\n---\nBody", "text").reasons == ["kept"]


def test_texts_in_other_encodings(read):
    assert texts(read("Büro".encode("utf-16"), "text")) == ["Büro"]
    assert read("Büro".encode("latin-1"), "text").reasons == ["undecodable_text"]
    assert read(gzip.compress(b"text")[:-6], "text").reasons == ["truncated_record"]
    assert read(b"x" * 11, "text", max_record_bytes=10).reasons == ["record_too_large"]


def test_an_article_is_title_abstract_and_body_in_their_order(read):
    reading = read(ARTICLE, "jats")
    (row,) = reading.rows
    assert row["text"].split("\n\n") == [
        "On mice",
        "Abstract",
        "Short summary.",
        "Methods",
        "We looked2 at them [1]:",
        "one",
        "two",
        "End.",
    ]
    assert (row["title"], row["license"], row["rights_holder"], row["record_id"]) == (
        "On mice",
        "CC-BY-4.0",
        "The holders",
        "10.1/abc",
    )
    assert row["uri"] == "https://doi.org/10.1/abc"
    assert row["published_at"].isoformat() == "2014-02-03T00:00:00+00:00"
    assert row["language_hint"] == "en"
    assert reading.account.kinds == {"sub-article": 1}


@pytest.mark.parametrize(
    ("part", "found"),
    [
        ("figures", "A figure."),
        ("tables", "a\tb"),
        ("acknowledgements", "Thanks."),
        ("references", "Somebody, a book."),
    ],
)
def test_parts_of_an_article_that_are_asked_for(read, part, found):
    assert found not in texts(read(ARTICLE, "jats"))[0].split("\n\n")
    assert found in texts(read(ARTICLE, "jats", jats_include=(part,)))[0].split("\n\n")


@pytest.mark.parametrize(
    ("content", "evidence"),
    [
        ('<!DOCTYPE a [<!ENTITY x "y">]><article>&x;</article>', "entity_declaration"),
        ('<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><article>&x;</article>', "entity_declaration"),
        ('<!DOCTYPE a [<!ENTITY % x SYSTEM "http://127.0.0.1:9/x"> %x;]><article/>', "entity_declaration"),
        ('<!DOCTYPE a [<!ENTITY a "aa"><!ENTITY b "&a;&a;&a;&a;">]><article>&b;</article>', "entity_declaration"),
        ("<article>" + "<p>" * 5_000, "nested_too_deep"),
        ("<article><p>", "ExpatError"),
        ("<html/>", "no_article"),
        ("", "ExpatError"),
    ],
)
def test_hostile_and_broken_xml_is_one_failed_record(read, content, evidence):
    (row,) = read(content, "jats").rows
    assert (row["verdict"][0]["reason"], row["verdict"][0]["evidence"]) == ("ingest.unreadable_record@1", evidence)


def test_a_set_of_articles_is_a_record_each(read):
    inner = ARTICLE[ARTICLE.index("<article ") :].replace("&nbsp;", " ")
    other = inner.replace("10.1/abc", "10.1/def")
    rows = read(f"<pmc-articleset>{inner}{other}</pmc-articleset>", "jats").rows
    assert [(row["record_id"], row["record_offset"]) for row in rows] == [("10.1/abc", 0), ("10.1/def", 1)]
    assert len({row["document_id"] for row in rows}) == 2


def parquet(row: dict[str, str]) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table({name: [value] for name, value in row.items()}), sink)
    return sink.getvalue()


@pytest.mark.parametrize(
    ("form", "without", "stated"),
    [
        ("jsonl", json.dumps({"text": "a"}), json.dumps({"text": "a", "license": "MIT"})),
        ("parquet", parquet({"text": "a"}), parquet({"text": "a", "license": "MIT"})),
        ("csv", "text,license\na,\n", "text,license\na,MIT\n"),
        ("text", "a", "---\nlicense: MIT\n---\na"),
        ("jats", "<article><body><p>a</p></body></article>", ARTICLE),
    ],
)
def test_a_licence_is_demanded_in_every_format(read, form, without, stated):
    assert read(without, form, require_license=True).reasons == ["missing_license"]
    assert read(without, form, require_license=True, license="CC0-1.0").reasons == ["kept"]
    assert read(stated, form, require_license=True).reasons == ["kept"]
    (row,) = read(without, form, rights_holder="Holder", agreement="No. 7").rows
    assert (row["rights_holder"], row["agreement"]) == ("Holder", "No. 7")
