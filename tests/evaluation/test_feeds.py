"""The real social and licensed feeds: every line and object is a document, rejected, failed or counted by kind."""

from __future__ import annotations

import re

from benchmarks import feeds
from pipeline.source import Source
from pipeline.sources.files import SourceFile
from pipeline.sources.records import read_file


def test_every_line_and_object_is_accounted_for(shared):
    found = {account.feed: account for account in feeds.accounts(shared / "data")}
    assert feeds.table(list(found.values())).count("\n") == 1 + len(found)
    assert {name: account.lost for name, account in found.items()} == dict.fromkeys(found, 0)
    bluesky, activitypub, jats = found["bluesky expected_v1"], found["activitypub"], found["jats"]
    assert (bluesky.units, bluesky.read, bluesky.documents, bluesky.deletions) == (152, 17, 16, 1)
    assert bluesky.other["like create"] == 105
    assert (activitypub.files, activitypub.units, activitypub.read) == (71, 77, 25)
    assert activitypub.side("rejected") == {"ingest.private_message@1": 5}
    assert activitypub.deletions == 7
    assert found["reddit, as JSON lines"].documents == 12_000
    assert (jats.files, jats.documents) == (15, 15)
    assert all(not account.side("failed") for account in found.values())


def test_a_reader_that_loses_an_object_is_seen(shared, monkeypatch):
    """A planted fault: one kind of object is neither a record nor counted."""
    from pipeline.sources import activitypub

    honest = activitypub.sort

    def careless(source, value):
        found = honest(source, value)
        return found._replace(items=found.items[1:]) if getattr(found, "kind", "") == "collection" else found

    monkeypatch.setattr(activitypub, "sort", careless)
    (account,) = [a for a in feeds.accounts(shared / "data") if a.feed == "activitypub"]
    assert account.lost > 0


def test_no_handle_of_the_real_feeds_is_left_in_text_or_columns(shared):
    """Handles as the feeds' own mark-up gives them: of authors and of those they mention."""
    folder = shared / "data" / "social" / "activitypub_a"
    source = Source(name="feed", kind="social")
    for path in sorted(folder.glob("*.json")):
        content = path.read_text()
        handles = set(re.findall(r'"name":\s*"@([\w.-]+)@', content)) | set(
            re.findall(r'"attributedTo":\s*"https?://[^"]*/(?:u|users|accounts)/([\w.-]+)"', content)
        )
        handles -= set(re.findall(r"/c/([\w.-]+)", content))  # communities, which are nobody's handle
        for chunk in read_file(source, SourceFile("feed", str(path), path.name, path.stat().st_size, "activitypub")):
            rows = [
                {k: v for k, v in (a | b).items() if k not in {"record", "record_file"}}
                for a, b in zip(chunk.columns.to_pylist(), chunk.raw.to_pylist(), strict=True)
            ]
            for handle in handles:
                assert not re.search(rf"(?<![\w.]){re.escape(handle)}(?!\w)", str(rows)), path.name
