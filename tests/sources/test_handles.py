"""Handles never become text, whatever surrounds them; what only looks like one stays."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.text.handles import without_handles


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("@anna", "@user"),
        ("Hi @anna.", "Hi @user."),
        ("(@anna@example.org)", "(@user)"),
        ("thanks @anna.bsky.social!", "thanks @user!"),
        ("@\u2068anna\u2069 yes", "@user yes"),
        ("\uff20anna", "@user"),
        ("@anna\u200b@example.org", "@user"),
        (".@anna said", ".@user said"),
        ("/u/Bob-2 and u/bob_3, U/X1", "/u/user and u/user, u/user"),
        ("https://example.org/@anna/123", "https://example.org/@user/123"),
        ("https://bsky.app/profile/anna.bsky.social/post/3k", "https://bsky.app/profile/user/post/3k"),
        ("https://www.reddit.com/user/anna/", "https://www.reddit.com/user/user/"),
        ("https://twitter.com/anna/status/1", "https://twitter.com/user/status/1"),
        ("me@example.org, 5 @ 3, a/b, r/python, you/they", "me@example.org, 5 @ 3, a/b, r/python, you/they"),
        ("", ""),
    ],
)
def test_mentions(text, expected):
    assert without_handles(text) == expected


def test_names_that_belong_to_the_post_go_where_they_stand_as_words():
    assert without_handles("felix99 wrote: felix99's box, prefelix99", ["@felix99@example.org"]) == (
        "@user wrote: @user's box, prefelix99"
    )
    assert without_handles("an ant", ["ant"]) == "an ant"


@given(st.text(alphabet="ab@/u._-: \u200b\n", max_size=40))
@example("@a\u200b@a")
@example("@_\u200b.a")
def test_a_second_pass_changes_nothing(text):
    once = without_handles(text)
    assert without_handles(once) == once
