"""What a page says of itself, where it says it in a form that can be read."""

from __future__ import annotations

import time

import pytest

from pipeline.sources.facts import address, canonical_link, language_tag
from pipeline.sources.html import read_page
from pipeline.sources.tags import tags, without_comments


def facts(head: str, attributes: str = "", uri: str | None = "http://a.example/x/y?z=1"):
    page = f"<html {attributes}><head>{head}</head><body><main><p>Some words of a page.</p></main></body></html>"
    return read_page(page, uri).facts


@pytest.mark.parametrize(
    ("value", "expected"),
    [("de", "de"), ("EN_us", "en-US"), (" zh-hant-TW ", "zh-Hant-TW"), ("de-1996", "de-1996"), ("es-419", "es-419"), ("de, en", None), ("deutsch", None), ("", None), ("und", None), ("x", None), ("{{lang}}", None)],
)  # fmt: skip
def test_a_language_is_spelt_as_in_bcp_47(value, expected):
    assert language_tag(value) == expected
    assert facts("", f'lang="{value}"').language == expected
    assert facts(f'<meta http-equiv="Content-Language" content="{value}">').language == expected


def test_a_title_is_one_line():
    assert facts("<title>\n One &amp;\n two </title>").title == "One & two"
    assert facts('<meta property="og:title" content="Shared">').title == "Shared"
    assert facts("<title></title>").title is None


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ('<link rel="canonical" href="https://a.example/y">', "https://a.example/y"),
        ("<LINK HREF=/y REL='Canonical nofollow'>", "http://a.example/y"),
        ('<meta property="og:url" content="http://a.example/s">', "http://a.example/s"),
        ('<link rel="canonical" href="y?a=1&amp;b=2#top">', "http://a.example/x/y?a=1&b=2"),
        ('<link rel="canonical" href="javascript:alert(1)">', None),
        ('<link rel="canonical" href="http://user:secret@a.example/">', None),
        ('<link rel="canonical" href="http://[bad/">', None),
        ('<link rel="canonical" href="two words">', None),
        ('<!-- <link rel="canonical" href="/y"> -->', None),
        ('<link rel="stylesheet" href="/y">', None),
    ],
)
def test_a_canonical_address_is_absolute_and_on_the_web(head, expected):
    assert facts(head).canonical == expected


def test_an_address_header_and_its_limits():
    assert canonical_link('<http://a/x>; rel="canonical", </s>; rel=next', None) == "http://a/x"
    assert canonical_link("</x>; rel=stylesheet", "http://a/") is None
    assert address("/x" * 5_000, "http://a/") is None
    assert address("/x", None) is None


@pytest.mark.parametrize(
    ("head", "day"),
    [
        ('<meta property="article:published_time" content="2020-05-06T07:08:09+02:00">', "2020-05-06"),
        ('<meta name="date" content="2019-01-02"><script type="application/ld+json">{"datePublished": "2020-05-06"}</script>', "2020-05-06"),
        ('<meta itemprop="datePublished" content="2020-05-06">', "2020-05-06"),
        ('<time itemprop="datePublished" datetime="2020-05-06">', "2020-05-06"),
        ('<meta name="DC.date" content="2020-05-06">', "2020-05-06"),
        ('<meta name="date" content="05/06/2020">', None),
        ('<meta name="date" content="soon">', None),
    ],
)  # fmt: skip
def test_a_date_of_publication_is_read_where_it_is_sure(head, day):
    found = facts(head).published_at
    assert (found and found.date().isoformat()) == day


@pytest.mark.parametrize("unit", ["<meta ", "<meta a", "<a " + "a" * 1_900 + ">", "<meta a=a a=", '<meta name="', "<!--", "<html lang=", "<meta " + "a " * 900 + ">", '"datePublished":"'])  # fmt: skip
def test_a_flood_of_anything_is_read_in_linear_time(unit):
    taken = []
    for size in (400_000, 1_600_000):
        page = "license " + unit * (size // len(unit))
        started = time.process_time()
        list(tags(without_comments(page)))
        taken.append(time.process_time() - started)
    assert taken[1] < 1.5
