"""What `tests.browser` says of a page: a check that sees nothing would pass everything."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser import check_shown, needs_browser, shown

STYLE = "<style>body { font: 15px sans-serif }</style>"
POLICY = """<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">"""
FORBIDDEN = POLICY.replace("'unsafe-inline'", "'sha256-AAAA'")


def written(folder: Path, page: str) -> Path:
    file = folder / "page.html"
    file.write_text(f"<!doctype html><title>page</title>{page}")
    return file


@needs_browser
def test_a_page_that_does_nothing_passes(tmp_path: Path) -> None:
    assert check_shown(written(tmp_path, f"{POLICY}{STYLE}<p>text")).text == "text"


@needs_browser
@pytest.mark.parametrize(
    ("page", "what"),
    [
        (f"{STYLE}<p>text<script>alert(1)</script>", "opened"),
        (f'{STYLE}<p>text<img src="picture.png">', "asked"),
        (f"{FORBIDDEN}{STYLE}<p>text", "said"),
        (f'{STYLE}<p>text<svg width="2000" height="10"></svg>', "too_wide"),
    ],
)
def test_what_a_page_must_not_do_is_noticed(tmp_path: Path, page: str, what: str) -> None:
    file = written(tmp_path, page)
    assert getattr(shown(file), what)
    with pytest.raises(AssertionError):
        check_shown(file)


@needs_browser
def test_a_page_without_a_style_is_noticed(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="no style"):
        check_shown(written(tmp_path, "<p>text"))
