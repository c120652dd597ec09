"""What dedup removed, as a person looks at it: stories with their twins, the report, its page; hostile text in all of them."""

from __future__ import annotations

import json
import re
import stat
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from rich.console import Console
from typer.testing import CliRunner

from pipeline import api, config, listing, twins
from pipeline.batch import load_batch
from pipeline.chain import full_chain
from pipeline.cli import app
from pipeline.clusters import report, with_differences
from pipeline.errors import UserError
from pipeline.explain import explain
from pipeline.report.cluster_page import cluster_page
from pipeline.report.pages import write_page
from pipeline.report.twin import print_twin
from pipeline.retention.collect import collect
from pipeline.settings import Settings
from pipeline.text.difference import difference
from pipeline.text.shingles import shingles
from tests.browser import check_shown, needs_browser
from tests.end_to_end.conftest import YAML, documents, texts, write_jsonl

MAIL = "jane.doe@example.org"
HOSTILE = "</td><script>alert(1)</script><img src=x onerror=alert(1)> [bold red]markup[/] {{ 7*7 }}"
CONTROL = "\x1b[2J\x1b]0;owned\x07 \u202eright-to-left\u202c \x9b31m \u2066"


class Seen(NamedTuple):
    """A lake with one release, and a second batch that went through dedup; ids by the record's own."""

    folder: Path
    reference: dict[str, Any]
    ids: dict[str, str]

    @property
    def config(self) -> Path:
        return self.folder / "pipeline.yaml"

    def story(self, name: str, **options: bool) -> dict[str, Any]:
        batches = explain(config.load(self.config), self.ids[name], **options)["batches"]
        return next(batch for batch in batches if batch["batch_id"] == self.reference["batch_id"])["stages"][-1]


def changed(text: str, every: int) -> str:
    """Return a text with some of its words replaced."""
    return " ".join(f"word{i}" if i % every == every - 1 else word for i, word in enumerate(text.split()))


def similarity(first: str, second: str) -> float:
    a, b = shingles(first, Settings().dedup.shingling), shingles(second, Settings().dedup.shingling)
    return len(a & b) / len(a | b)


def just_below(text: str) -> str:
    """Return a text whose similarity lies below the threshold, by less than the margin."""
    return next(other for every in range(10, 120) if 0.755 < similarity(text, other := changed(text, every)) < 0.795)


def record(name: str, text: str) -> dict[str, object]:
    return {"id": name, "text": text, "license": "PSF-2.0", "url": f"https://example.org/{name}"}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    folder = tmp_path_factory.mktemp("project")
    sources = "      - licensed_content\n      - name: mirror\n        kind: licensed\n        paths: [input/mirror/]\n"
    (folder / "pipeline.yaml").write_text(
        YAML.replace("      - social_feeds\n      - web_crawl\n      - licensed_content\n", sources)
    )
    first = folder / "input" / "licensed_content" / "a.jsonl"
    mirror = folder / "input" / "mirror" / "b.jsonl"
    long = texts(40)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SLUICE_SPARK_MASTER", "inline")
        mail = f"Write to {MAIL} today."
        write_jsonl(first, [{**row, "text": f"{row['text']} {mail}"} for row in documents(24)])
        write_jsonl(mirror, [record("other", long[24])])
        reference = api.open_batch(str(folder / "pipeline.yaml"))
        result = api.run_all(reference)
        if not result["published"]:
            listing.decide_case(folder / "pipeline.yaml", result["case_id"], "approve", "a curator", "looked at it")
        known = {
            row["document_id"]
            for part in load_batch(reference).corpus.documents(columns=["document_id"])
            for row in part.to_pylist()
        }
        ids = ids_of(reference)
        old = next(text for place, text in enumerate(long[:24]) if ids[f"doc-{place}"] in known)
        write_jsonl(first, [record("stays", long[30]), record("alone", long[31]), record("long", long[32])])
        write_jsonl(
            mirror,
            [
                record("near", f"{changed(long[30], 90)} {HOSTILE}"),
                record("exact", f"{long[30]}\n"),
                record("again", f"{changed(old, 100)} {mail}"),
                record("close", just_below(long[32])),
            ],
        )
        reference = api.open_batch(str(folder / "pipeline.yaml"))
        for stage in ("ingest", "dedup"):
            api.run_stage(reference, stage)
            api.run_gate(reference, stage)
    return Seen(folder, reference, ids_of(reference))


def ids_of(reference: dict[str, Any]) -> dict[str, str]:
    """Return the id of each document of a batch by the record's own."""
    chain = full_chain(load_batch(reference))
    tables = [chain.documents(shard, ["record_id", "document_id"]) for shard in range(chain.shards)]
    return {row["record_id"]: row["document_id"] for table in tables for row in table.to_pylist()}


def printed(twin: dict[str, Any]) -> str:
    console = Console(file=StringIO(), width=120, highlight=False, force_terminal=True, color_system="standard")
    print_twin(console, twin)
    return console.file.getvalue()


def test_explain_shows_the_survivor_the_cluster_and_the_words_that_differ(made: Seen) -> None:
    twin = made.story("near", texts=True)["twin"]
    assert twin["survivor"] == {
        "id": made.ids["stays"], "source": "licensed_content", "release": None, "where": "in this batch",
        "in_newest_release": False, "removed_later": None,
    }  # fmt: skip
    assert twin["cluster"] == {"documents": 3, "sources": {"mirror": 2, "licensed_content": 1}}
    assert 0.8 <= twin["similarity"] < 1
    assert twin["compared"] == "raw text"
    only = {kind: [p["text"] for p in twin["difference"]["parts"] if p["kind"] == kind] for kind in ("first", "second")}
    assert "word89" in only["first"]
    assert " ".join(texts(31)[30].split()).split()[89] in only["second"]
    assert made.story("exact", texts=True)["twin"]["difference"]["places"] == 0
    assert "twin" not in made.story("alone", texts=True)


def test_explain_shows_no_text_unless_it_is_asked_for(made: Seen) -> None:
    twin = made.story("near")["twin"]
    assert twin["survivor"]["id"] == made.ids["stays"]
    assert not {"difference", "no_difference"} & twin.keys()
    assert "word89" not in json.dumps(twin)


def test_a_published_survivor_is_compared_as_it_was_published(made: Seen) -> None:
    twin = made.story("again", texts=True)["twin"]
    assert twin["survivor"]["release"] == 1
    assert twin["survivor"]["where"] == "published before this batch"
    assert twin["survivor"]["source"] == "licensed_content"
    assert twin["survivor"]["in_newest_release"]
    assert twin["cluster"] == {"documents": 1, "sources": {"mirror": 1}}
    assert twin["compared"] == "redacted text"
    assert twin["difference"]["places"] > 0
    shown = json.dumps(twin)
    assert MAIL not in shown
    assert "published before this batch, in release 1" in " ".join(printed(twin).split())


def test_the_command_prints_json_that_drives_no_terminal(made: Seen) -> None:
    arguments = ["explain", made.ids["near"], "-c", str(made.config)]
    shown = CliRunner().invoke(app, [*arguments, "--json"]).stdout
    assert shown.isascii()
    assert HOSTILE.split(maxsplit=1)[0] in json.dumps(json.loads(shown)["batches"])
    plain = CliRunner().invoke(app, arguments, env={"COLUMNS": "100"}).stdout
    assert "[-word89-]" in plain
    assert "word89" not in CliRunner().invoke(app, [*arguments, "--no-text"]).stdout


def test_what_cannot_be_shown_is_said_in_words(made: Seen, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "denied")

    with monkeypatch.context() as patch:
        patch.setattr("pipeline.lake.snapshots.Chain.texts", refuse)
        twin = made.story("near", texts=True)["twin"]
    assert (
        twin["no_difference"]
        == "the text of the removed document cannot be read with the rights you have (PermissionError)"
    )
    assert "cannot be read" in printed(twin)


def hostile_twin() -> dict[str, Any]:
    found = difference(f"one two {HOSTILE} {CONTROL} three", "one two three")
    return {
        "survivor": {
            "id": "a" * 32, "source": f"s{CONTROL}", "release": 1, "where": "published before this batch",
            "in_newest_release": False, "removed_later": None,
        },
        "similarity": 0.9, "cluster": {"documents": 2, "sources": {f"m{CONTROL}[red]": 2}}, "compared": "raw text",
        "difference": {**found.__dict__, "parts": [part._asdict() for part in found.parts]},
    }  # fmt: skip


def test_hostile_text_cannot_drive_a_terminal() -> None:
    shown = printed(hostile_twin())
    own = re.sub(r"\x1b\[[0-9;]*m", "", shown)  # rich's colours
    assert all(character == "\n" or character.isprintable() for character in own)
    assert "\x1b[31m" not in re.sub(r"\x1b\[1;3[12]m", "", shown)
    assert "[bold red]markup[/]" in own.replace("\n", " ")
    assert "\\x1b[2J" in own
    assert "no longer in the newest release" in own.replace("\n", " ")


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_the_report_adds_up(made: Seen) -> None:
    batch = load_batch(made.reference)
    found = report(batch, full_chain(batch), largest=5)
    assert (found["removed"], found["clusters"]) == (3, 2)
    assert found["compared_with_release"] == 1
    mirror = next(row for row in found["sources"] if row["source"] == "mirror")
    assert mirror == {
        "source": "mirror", "read": 4, "kept": 1, "exact": 1, "near": 1, "published_exact": 0, "published_near": 1, "contained": 0,
    }  # fmt: skip
    assert found["losses"] == [
        {"loser": "mirror", "winner": "licensed_content", "published": False, "documents": 2},
        {"loser": "mirror", "winner": "licensed_content", "published": True, "documents": 1},
    ]
    assert [(row["from"], row["to"], row["clusters"], row["documents"]) for row in found["sizes"]] == [
        (1, 1, 1, 1), (2, 2, 0, 0), (3, 4, 1, 3),
    ]  # fmt: skip
    largest = found["largest"][0]
    assert (largest["survivor"], largest["documents"], largest["exact"]) == (made.ids["stays"], 3, 1)
    assert largest["sources"] == {"mirror": 2, "licensed_content": 1}
    assert largest["sample"]["document_id"] == made.ids["near"]
    near = found["near_threshold"]
    assert near["below_known"]
    [miss] = near["below"]
    assert {miss["document_id"], miss["survivor"]} == {made.ids["close"], made.ids["long"]}
    assert miss["similarity"] == pytest.approx(similarity(just_below(texts(33)[32]), texts(33)[32]))
    assert sum(row["documents"] for row in near["bins"] if row["outcome"] == "stays") == 1
    assert "alert(1)" not in json.dumps(found)


def test_the_page_quotes_hostile_text_and_runs_nothing(made: Seen, tmp_path: Path) -> None:
    place = tmp_path / "page.html"
    place.touch(0o644)
    result = CliRunner().invoke(app, ["dedup", "report", "-c", str(made.config), "--batch", made.reference["batch_id"], "--html", str(place), "--json"])  # fmt: skip
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["removed"] == 3
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    page = place.read_text()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "word89" in page
    check_page(page)


def check_page(page: str) -> None:
    tags = Tags()
    tags.feed(page)
    names = {tag for tag, _ in tags.found}
    assert not names & {"script", "img", "iframe", "link", "object", "a", "form"}
    attributes = {name for _, given in tags.found for name in given}
    assert not {name for name in attributes if name.startswith("on")} | attributes & {"style", "src", "href"}
    [policy] = [given["content"] for tag, given in tags.found if given.get("http-equiv") == "Content-Security-Policy"]
    assert policy is not None
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
    assert all(character == "\n" or character.isprintable() for character in page)


def test_control_characters_of_ids_sources_and_texts_are_spelt_out_in_the_page(made: Seen) -> None:
    batch = load_batch(made.reference)
    found = with_differences(batch, full_chain(batch), report(batch, full_chain(batch), largest=2))
    bad = f"{CONTROL}{HOSTILE}"
    found["largest"][0] |= {"difference": hostile_twin()["difference"], "source": bad, "sources": {bad: 2}}
    found["sources"][0]["source"] = found["losses"][0]["loser"] = found["near_threshold"]["below"][0]["source"] = bad
    page = cluster_page(found)
    assert "\\x1b[2J" in page
    check_page(page)


@needs_browser
def test_a_browser_shows_the_pages_and_runs_nothing(made: Seen, tmp_path: Path) -> None:
    report_page, story_page = tmp_path / "report.html", tmp_path / "story.html"
    for command in (
        ["dedup", "report", "-c", str(made.config), "--batch", made.reference["batch_id"], "--html", str(report_page)],
        ["explain", made.ids["near"], "-c", str(made.config), "--html", str(story_page)],
    ):
        result = CliRunner().invoke(app, command)
        assert result.exit_code == 0, result.output
    assert "<script>alert(1)</script>" in check_shown(report_page).text
    assert "<script>alert(1)</script>" in check_shown(story_page).text


def test_a_page_is_not_written_into_the_lake(made: Seen) -> None:
    settings = config.load(made.config)
    with pytest.raises(UserError, match="outlive"):
        write_page(settings, Path(settings.lake.root) / "page.html", "")
    with pytest.raises(UserError, match="cannot be written"):
        write_page(settings, made.folder / "nowhere" / "page.html", "")


def test_old_results_without_near_misses_say_so(made: Seen) -> None:
    batch = load_batch(made.reference)
    chain = full_chain(batch)
    [dedup] = [manifest for manifest in chain.manifests if manifest.stage == "dedup"]
    old = re.sub(r"near_miss: .*\n(  child .*\n)*", "", dedup.columns)
    assert old != dedup.columns
    manifests = tuple(m.model_copy(update={"columns": old}) if m is dedup else m for m in chain.manifests)
    near = report(batch, type(chain)(chain.lake, chain.raw, manifests), largest=1)["near_threshold"]
    assert not near["below_known"]
    assert near["below"] == []
    assert {row["outcome"] for row in near["bins"]} == {"removed"}


def test_twin_stages_write_what_a_twin_needs() -> None:
    from pipeline.document import COLUMNS

    assert all({"survivor", "survivor_release", "similarity"} <= set(COLUMNS[name].names) for name in twins.TWIN_STAGES)


def test_taken_down_and_expired_texts_are_gone_from_stories_and_pages(made: Seen) -> None:
    """Last in this file: it changes the lake."""
    batch = load_batch(made.reference)
    survivor = made.story("again")["twin"]["survivor"]["id"]
    batch.corpus.takedown([survivor, made.ids["exact"]], "asked for")
    twin = made.story("again", texts=True)["twin"]
    assert twin["no_difference"] == "the survivor, published by release 1, was taken down since: its text is not shown"
    assert not twin["survivor"]["in_newest_release"]
    assert twin["survivor"]["source"] is None
    assert made.story("exact", texts=True)["twin"]["no_difference"].startswith("the removed document was taken down")
    found = report(batch, full_chain(batch), largest=5)
    page = cluster_page(with_differences(batch, full_chain(batch), found))
    assert "was taken down since" in page
    assert "source no longer known" in page

    collect(batch.settings, datetime.now(UTC) + timedelta(days=1_000))
    assert re.search(r"the raw text of batch .* expired on", made.story("near", texts=True)["twin"]["no_difference"])
    page = cluster_page(with_differences(batch, full_chain(batch), found))
    assert "expired on" in page
    assert "word89" not in page
