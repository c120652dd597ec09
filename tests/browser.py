"""Pages as a browser shows them. `scripts/browser` installs one; without it these tests are skipped, and a run in CI fails."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
"""Quiet and contained: no sandbox in containers, no GPU, no traffic of the browser's own."""

needs_browser = pytest.mark.skipif(CHROMIUM is None and not os.environ.get("CI"), reason="no browser: scripts/browser")


class Shown(NamedTuple):
    """What became of a page."""

    said: list[str]
    """What the page's console holds, such as a style that the page's own policy forbids."""
    asked: list[str]
    """Addresses that the page wanted beside itself."""
    opened: list[str]
    """Dialogs and windows."""
    font: str
    """Of the body, by its style sheet."""
    text: str
    too_wide: int
    """Pixels that stand out on the right of a window of 1,280."""
    pictures: int
    """Pictures that have a size."""


def shown(page: Path) -> Shown:
    """Open a page of a file and return what became of it."""
    from playwright.sync_api import sync_playwright

    assert CHROMIUM is not None, "no browser: call scripts/browser"
    said, asked, opened = list[str](), list[str](), list[str]()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        tab = browser.new_page(viewport={"width": 1280, "height": 900})
        tab.on("console", lambda message: said.append(message.text))
        tab.on("pageerror", lambda error: said.append(str(error)))
        tab.on("request", lambda request: asked.append(request.url))
        tab.on("dialog", lambda dialog: (opened.append(dialog.message), dialog.dismiss()))
        tab.on("popup", lambda other: opened.append(other.url))
        tab.goto(page.as_uri())
        found = tab.evaluate(
            """() => [
                getComputedStyle(document.body).fontFamily,
                document.documentElement.scrollWidth - window.innerWidth,
                [...document.querySelectorAll('svg')].filter(one => one.getBoundingClientRect().height > 20).length,
            ]"""
        )
        text = tab.inner_text("body")
        browser.close()
    return Shown(said, [url for url in asked if url != page.as_uri()], opened, found[0], text, found[1], found[2])


def check_shown(page: Path) -> Shown:
    """Fail unless a page is shown in its own style, runs and loads nothing and fits its window."""
    found = shown(page)
    assert (found.said, found.asked, found.opened) == ([], [], [])
    assert "sans-serif" in found.font, "the page has no style"
    assert found.too_wide <= 0
    return found
