"""Each wish of a publisher is read where it is stated, and the source's policy says what follows."""

from __future__ import annotations

import json
import time
import zlib

import pytest

from pipeline.config import parse
from pipeline.errors import UserError
from pipeline.recipe import RECIPE
from pipeline.source import ConsentPolicy
from pipeline.sources.consent import Terms, from_headers, from_html, judged
from pipeline.sources.robots import Rules, rules_of
from pipeline.sources.wishes import WISHES, Wish, written
from tests.sources.test_warc import PAGE, http, warc


@pytest.mark.parametrize(
    ("name", "value", "signals"),
    [
        ("X-Robots-Tag", "noindex, nofollow", "noindex@header:x-robots-tag"),
        ("X-Robots-Tag", "none", "noindex@header:x-robots-tag"),
        ("X-Robots-Tag", "somebot: NoAI, noimageai", "noai@header:x-robots-tag,noimageai@header:x-robots-tag"),
        ("X-Robots-Tag", "noaids, all", None),
        ("tdm-reservation", "1", "tdm_reservation@header:tdm-reservation"),
        ("TDM-Reservation", "0", None),
        ("TDM-Policy", "https://a/policy.json", "tdm_policy@header:tdm-policy"),
        ("Content-Signal", "search=yes, ai-train=no", "ai_train@header:content-signal"),
        ("Content-Signal", "ai-train=yes,AI-Input = NO", "ai_input@header:content-signal"),
        ("Content-Usage", "train-ai=n", "ai_train@header:content-usage"),
        ("Content-Type", "ai-train=no", None),
    ],
)
def test_a_header_states_a_wish(name, value, signals):
    assert written(from_headers([(name, value)]).wishes) == signals


@pytest.mark.parametrize(
    ("tag", "signals"),
    [
        ('<meta name="robots" content="noindex,noai">', "noai@meta:robots,noindex@meta:robots"),
        ('<META CONTENT="none" NAME="Googlebot">', "noindex@meta:robots"),
        ('<meta name="tdm-reservation" content="1"><meta name="tdm-policy" content="https://a/p">', "tdm_policy@meta:tdm-policy,tdm_reservation@meta:tdm-reservation"),
        ('<meta name="description" content="noai">', None),
        ('<!-- <meta name="robots" content="noai"> -->', None),
    ],
)  # fmt: skip
def test_a_page_states_a_wish(tag, signals):
    assert written(from_html(f"<html><head>{tag}</head></html>").wishes) == signals


@pytest.mark.parametrize("wish", WISHES)
def test_the_policy_of_each_wish_decides(wish):
    terms = Terms("allowed", "link:rel-license", "MIT", (Wish(wish, "somewhere"),))
    rejected = judged(terms, ConsentPolicy.model_validate({wish: "reject"}))
    assert (rejected.consent, rejected.evidence) == ("opted_out", "somewhere")
    for answer in ("keep", "flag"):
        assert judged(terms, ConsentPolicy.model_validate({wish: answer})) == terms


def test_a_kept_wish_is_marked_with_its_place_and_leaves_the_licence(read):
    page = http(PAGE.replace(b"<head>", b"<head><meta name=robots content=noindex>"), Content_Signal="ai-train=no")
    (row,) = read(warc(page), "a.warc", license="CC0-1.0", consent={"ai_train": "keep"}).rows
    assert row["verdict"] is None
    assert (row["consent"], row["license"]) == ("allowed", "CC0-1.0")
    assert row["consent_signals"] == "ai_train@header:content-signal,noindex@meta:robots"
    (row,) = read(warc(page), "a.warc", license="CC0-1.0").rows
    assert (row["consent"], row["consent_evidence"], row["text"]) == ("opted_out", "header:content-signal", None)
    assert row["consent_signals"] == "ai_train@header:content-signal,noindex@meta:robots"


ROBOTS = """User-agent: *
Disallow: /private
Allow: /private/open

User-agent: CCBot
Disallow: /*.pdf$
Disallow: /for-no-crawl
"""


@pytest.fixture
def policy(tmp_path):
    lines = [
        {"url": "http://a/", "text": ROBOTS},
        {"url": "https://b:8443/robots.txt", "text": "User-agent: GPTBot\nUser-agent: x\nContent-Signal: search=yes, ai-train=no\nDisallow:\n\nUser-agent: y\nContent-Signal: ai-input=no\n"},
    ]  # fmt: skip
    (tmp_path / "robots.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (tmp_path / "list.txt").write_text("# ours\nExample.org  # and all under it\nhttp://c/people/\n\n*.d.example\n")
    return ConsentPolicy(
        robots_snapshot=str(tmp_path / "robots.jsonl"),
        do_not_crawl_list=str(tmp_path / "list.txt"),
        robots_agents=("CCBot", "GPTBot"),
    )


@pytest.mark.parametrize(
    ("uri", "signals"),
    [
        ("http://a/", None),
        ("http://a/private/x", "robots_txt@robots_txt:GPTBot"),
        ("http://a/private/open", None),
        ("http://A:80/for-no-crawl", "robots_txt@robots_txt:CCBot"),
        ("http://a/x.pdf", "robots_txt@robots_txt:CCBot"),
        ("http://a/x.pdf?y", None),
        ("https://a/private/x", None),
        ("https://b:8443/", "ai_train@robots_txt:content-signal"),
        ("http://example.org/", "do_not_crawl@list:do-not-crawl"),
        ("http://x.EXAMPLE.org/", "do_not_crawl@list:do-not-crawl"),
        ("http://myexample.org/", None),
        ("http://c/people/1", "do_not_crawl@list:do-not-crawl"),
        ("http://c/peo", None),
        ("http://y.d.example/", "do_not_crawl@list:do-not-crawl"),
        ("http://[bad/", None),
        ("urn:x", None),
        (None, None),
    ],
)
def test_a_snapshot_and_a_list_are_asked_for_each_address(policy, uri, signals):
    assert written(Rules(policy).of(uri)) == signals


def test_a_snapshot_may_be_an_archive_of_the_sites_robots_txt(read, tmp_path):
    robots = http(ROBOTS.encode(), Content_Type="text/plain")
    missing = http(b"User-agent: *\nDisallow: /", status=b"404 Not Found")
    snapshot = tmp_path / "robots.warc"
    snapshot.write_bytes(
        warc(robots, uri="http://a/robots.txt") + b"garbage" + warc(missing, uri="http://b/robots.txt")
    )
    pages = warc(uri="http://a/private/1") + warc(uri="http://a/1") + warc(uri="http://b/1")
    result = read(pages, "a.warc", consent={"robots_snapshot": str(snapshot)})
    assert result.reasons == ["opted_out", "kept", "kept"]
    assert result.rows[0]["verdict"][0]["evidence"] == "robots_txt:GPTBot"


def test_the_files_content_is_part_of_the_stages_fingerprint_and_their_place_is_not(tmp_path):
    def decides(folder: str, text: str):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "list.txt").write_text(text)
        configuration = (
            "data_pipeline: {ingestion: {sources: [{name: web, kind: web, consent: {do_not_crawl_list: list.txt}}]}}"
        )
        return RECIPE[0].reads_settings(parse(configuration, tmp_path / folder))

    assert decides("one", "a.example") == decides("two", "a.example") != decides("three", "b.example")


def test_a_file_that_changed_is_read_again(policy, tmp_path):
    assert rules_of(policy) is rules_of(policy)
    assert rules_of(ConsentPolicy()) is None
    before = rules_of(policy)
    (tmp_path / "list.txt").write_text("other.example and more")
    assert rules_of(policy) is not before


def test_a_missing_or_malformed_file_is_one_sentence(tmp_path):
    with pytest.raises(UserError, match=r"cannot open robots.jsonl.*check the path"):
        rules_of(ConsentPolicy(robots_snapshot=str(tmp_path / "robots.jsonl")))
    (tmp_path / "robots.jsonl").write_text('{"url": "http://a/", "text": ""}\n{"url": 5}\n')
    with pytest.raises(UserError, match=r"at line 2; mend"):
        rules_of(ConsentPolicy(robots_snapshot=str(tmp_path / "robots.jsonl")))


def test_a_hostile_robots_txt_costs_no_time():
    rules = Rules(ConsentPolicy())
    rules._robots = {
        "http://a:80": zlib.compress(("User-agent: *\n" + "Disallow: /" + "*a" * 200 + "*b$\n" * 1_000).encode())
    }
    started = time.process_time()
    rules.of("http://a/" + "a" * 2_000)
    assert time.process_time() - started < 5
