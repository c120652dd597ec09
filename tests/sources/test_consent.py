"""What a publisher says of the use of a text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.source import ConsentPolicy
from pipeline.sources.consent import Terms, combine, from_headers, from_html, judged, license_identifier, stated


@pytest.mark.parametrize(
    ("headers", "consent", "evidence"),
    [
        ([], "unknown", None),
        ([("X-Robots-Tag", "noindex, nofollow")], "unknown", None),
        ([("X-Robots-Tag", "noai")], "opted_out", "header:x-robots-tag"),
        ([("x-robots-tag", "noindex, NoImageAI")], "opted_out", "header:x-robots-tag"),
        ([("X-Robots-Tag", "somebot: noai, noindex")], "opted_out", "header:x-robots-tag"),
        ([("X-Robots-Tag", "noaids, noairplane")], "unknown", None),
        ([("X-Robots-Tag", "all"), ("X-Robots-Tag", "noai")], "opted_out", "header:x-robots-tag"),
        ([("TDM-Reservation", " 1 ")], "opted_out", "header:tdm-reservation"),
        ([("TDM-Reservation", "0")], "unknown", None),
        ([("Link", '<https://creativecommons.org/licenses/by/4.0/>; rel="license"'), ("tdm-reservation", "1")], "opted_out", "header:tdm-reservation"),
        ([("Link", '<https://creativecommons.org/licenses/by/4.0/>; rel="license"')], "allowed", "header:link"),
        ([("Link", '<https://a/style.css>; rel="stylesheet"')], "unknown", None),
    ],
)  # fmt: skip
def test_headers(headers, consent, evidence):
    assert judged(from_headers(headers), ConsentPolicy())[:2] == (consent, evidence)


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        ("<p>the word license alone</p>", Terms()),
        ('<meta name="robots" content="noai">', Terms("opted_out", "meta:robots")),
        ("<META NAME=ROBOTS CONTENT='index, noimageai'/>", Terms("opted_out", "meta:robots")),
        ('<meta content="noai" name="GoogleBot">', Terms("opted_out", "meta:robots")),
        ('<meta name="description" content="about noai, the tag">', Terms()),
        ('<meta name="tdm-reservation" content="1">', Terms("opted_out", "meta:tdm-reservation")),
        ('<meta name="tdm-reservation" content="0">', Terms()),
        ('<!-- <meta name="robots" content="noai"> -->', Terms()),
        ('<link rel="license" href="https://creativecommons.org/licenses/by-sa/4.0/">', Terms("allowed", "link:rel-license", "CC-BY-SA-4.0")),
        ('<a class="x" rel="nofollow license" href="http://example.org/terms?a=1&amp;b=2">', Terms("allowed", "a:rel-license", "http://example.org/terms?a=1&b=2")),
        ('<a rel="license" href=""><link rel=license href=https://opensource.org/license/mit>', Terms("allowed", "link:rel-license", "https://opensource.org/license/mit")),
        ('<link rel="license" href="https://creativecommons.org/licenses/by/4.0/"><meta name="robots" content="noai">', Terms("opted_out", "meta:robots", "CC-BY-4.0")),
        ("<meta license", Terms()),
        ("<!-- license", Terms()),
    ],
)  # fmt: skip
def test_pages(page, expected):
    assert judged(from_html(page), ConsentPolicy())[:3] == expected[:3]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("MIT", "MIT"),
        (" Apache-2.0 \n OR MIT ", "Apache-2.0 OR MIT"),
        ("https://creativecommons.org/licenses/by-nc-nd/4.0", "CC-BY-NC-ND-4.0"),
        ("http://creativecommons.org/licenses/by/3.0/de/", "CC-BY-3.0-DE"),
        ("http://creativecommons.org/licenses/by/2.5/es/", "http://creativecommons.org/licenses/by/2.5/es/"),
        ("https://creativecommons.org/publicdomain/zero/1.0/legalcode", "CC0-1.0"),
        ("https://creativecommons.org/publicdomain/mark/1.0/", "CC-PDM-1.0"),
        ("UNKNOWN", None),
        ("NOASSERTION", None),
        ("", None),
        (None, None),
        (5, None),
        ("x" * 300, None),
    ],
)
def test_licences(value, expected):
    assert license_identifier(value) == expected


def test_a_reservation_is_stated_but_allows_nothing():
    assert stated("All rights reserved.", "field:license") == Terms(
        "unknown", "field:license:unlisted", "All rights reserved."
    )


def test_an_opt_out_wins_and_else_the_first_licence():
    out, mit, cc = Terms("opted_out", "meta:robots"), Terms("allowed", "a", "MIT"), Terms("allowed", "b", "CC0-1.0")
    assert combine(mit, out, cc) == out
    assert combine(Terms(), mit, cc) == mit
    assert combine() == Terms()


@given(st.text(), st.text())
def test_any_text_is_survived(one, two):
    from_html(f"license <meta {one}> <a rel={two}>")
    from_headers([(one, two), ("link", two), ("x-robots-tag", one)])
    license_identifier(one)


@pytest.mark.parametrize(
    ("name", "license_name", "evidence"),
    [
        ("cc-by-4.0", "CC-BY-4.0", "field:license"),
        ("mit OR Apache-2.0", "MIT OR Apache-2.0", "field:license"),
        ("LicenseRef-acme", "LicenseRef-acme", "field:license"),
        ("GPL-2.0-only WITH Classpath-exception-2.0", "GPL-2.0-only WITH Classpath-exception-2.0", "field:license"),
        ("our own terms", "our own terms", "field:license:unlisted"),
        ("MIT AND something", "MIT AND something", "field:license:unlisted"),
        ("((", "((", "field:license:unlisted"),
        ("(" * 250, "(" * 250, "field:license:unlisted"),
        ("https://example.org/terms", "https://example.org/terms", "field:license"),
    ],
)
def test_a_name_that_spdx_does_not_list_is_kept_and_marked(name, license_name, evidence):
    terms = stated(name, "field:license")
    assert (terms.license, terms.evidence) == (license_name, evidence)
