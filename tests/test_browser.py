"""What `tests.browser` says of a page: a check that sees nothing would pass everything."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser import check_shown, needs_browser, shown

POLICY = """<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'sha256-AAAA'">"""


@needs_browser
@pytest.mark.parametrize(
    ("page", "what"),
    [
        ("<p>text<script>alert(1)</script>", "opened"),
        ('<p>text<img src="picture.png">', "asked"),
        (f"<head>{POLICY}<style>p {{ color: red }}</style></head><p>text", "said"),
        ('<p>text<svg width="2000" height="10"></svg>', "too_wide"),
    ],
)
def test_what_a_page_must_not_do_is_noticed(tmp_path: Path, page: str, what: str) -> None:
    (tmp_path / "page.html").write_text(f"<!doctype html>{page}")
    seen = shown(tmp_path / "page.html")
    assert "text" in seen.text
    assert getattr(seen, what)
    with pytest.raises(AssertionError):
        check_shown(tmp_path / "page.html")
