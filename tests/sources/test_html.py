"""Pages become their main content; no page takes for ever."""

from __future__ import annotations

import time

import pytest

from pipeline.sources.html import MAX_DEPTH, read_page

MENU = "<nav><ul><li><a href=/>Home</a><li><a href=/x>Shop</a></ul></nav>"


def test_boilerplate_is_left_out_and_form_is_kept():
    page = f"<html><body>{MENU}<main><h1>Title</h1><p>One.</p><ul><li>Two</ul><pre>a  b\n  c</pre></main><footer>© me</footer></body></html>"
    text = read_page(page).text
    assert "Home" not in text
    assert "© me" not in text
    assert text.split("\n")[0] == "Title"
    assert "One." in text
    assert "a  b\n  c" in text


def test_a_page_whose_main_content_is_missed_is_taken_whole():
    page = (
        "<html><body><div class='sidebar'>"
        + "<p>All the words of this page are in its sidebar.</p>" * 20
        + "</div></body></html>"
    )
    assert read_page(page).text.count("All the words") == 20


@pytest.mark.parametrize(
    "page", ["", "<", "<html>", "\x00", "<body>", "plain words", "<!--", "</p></p>", "<svg><p>", "\ufffd"]
)
def test_fragments_are_survived(page):
    read_page(page)


@pytest.mark.parametrize(
    "unit",
    ["<div>", "<article>", "<div><article class=a>", "<b><i>", "<!--", "<table><tr><td>", "<a rel=license href=x>"],
)
def test_a_hostile_page_costs_seconds_at_most(unit):
    """Without the limit of depth, 200,000 characters of <div> take minutes: the extractor's cost is the square of the depth."""
    started = time.process_time()
    read_page("license " + unit * (200_000 // len(unit)) + "end")
    assert time.process_time() - started < 10


def test_text_under_deep_nesting_is_found():
    assert read_page("<div>" * (MAX_DEPTH + 10) + "<p>deep</p>").text.strip() == "deep"
