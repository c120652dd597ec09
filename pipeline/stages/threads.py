"""Threads: which posts of a batch belong together, and in which order they are read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from pipeline.document import document_id, subjects_of
from pipeline.source import Source
from pipeline.stages.posts import Changes, Joined, Row


def join(rows: Sequence[Row], sources: Mapping[str, Source], changes: dict[int, Changes]) -> dict[str, float]:
    """Add to the changes what makes threads' documents of posts, and return figures of them by source.

    A thread's document stands in the row of the first of its posts that the batch holds; the others' rows name it. What the posts
    refer to and the batch does not hold is counted: `missing`.
    """
    figures: dict[str, float] = {}
    for source, name, members in groups(rows):
        ordered = list(in_order(members))
        held = {row.post["id"] for row in ordered}
        named = {row.post[key] for row in ordered for key in ("reply_to", "thread")} - {None}
        missing = len(named - held)
        identity = document_id(source, name, "\n".join(row.document_id for row in ordered).encode())
        parts = dict.fromkeys(part for row in ordered for part in sorted(subjects_of(row.post)))
        first, *others = ordered
        changes.setdefault(first.place.shard, Changes()).joined[first.place.row] = Joined(
            identity,
            tuple(row.place for row in ordered),
            tuple(parts),
            missing,
            sources[source].max_text_characters,
        )
        for row in others:
            changes.setdefault(row.place.shard, Changes()).rejected[row.place.row] = (
                "ingest.joined_thread@1",
                identity,
            )
        for figure, value in (("threads", 1), ("threads_incomplete", missing > 0), ("posts_missing", missing)):
            figures[f"{figure}/{source}"] = figures.get(f"{figure}/{source}", 0) + value
    return figures


def groups(rows: Sequence[Row]) -> Iterator[tuple[str, str, list[Row]]]:
    """Yield the source, a name and the posts of each thread, in the order of their first posts in the batch.

    A post belongs with the post that it answers. Where that is not in the batch, it belongs with the others that name the same
    thread, or answer the same post.
    """
    by_id = {row.post["id"]: row for row in rows}
    top: dict[str, str] = {}
    found: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        path = {row.post["id"]: None}
        here = row.post["id"]
        # Up to the post that answers nothing here; posts that answer one another in a circle end where it closes.
        while here not in top and (above := by_id[here].post["reply_to"]) in by_id and above not in path:
            path[above] = None
            here = above
        end = by_id[here].post
        name = top.get(here) or end["thread"] or end["reply_to"] or end["id"]
        top |= dict.fromkeys(path, name)
        found.setdefault((row.source, name), []).append(row)
    for (source, name), members in found.items():
        yield source, name, members


def in_order(members: Sequence[Row]) -> Iterator[Row]:
    """Yield a thread's posts: each before its answers, answers of one post by their time."""

    def time(row: Row) -> tuple[str, tuple[int, int]]:
        moment = row.published_at or row.post["version_at"]
        return (moment.isoformat() if moment else "", row.place)

    held = {row.post["id"] for row in members}
    answers: dict[str | None, list[Row]] = {}
    for row in sorted(members, key=time):
        above = row.post["reply_to"]
        answers.setdefault(above if above in held and above != row.post["id"] else None, []).append(row)
    seen: set[str] = set()
    # Posts that answer one another in a circle hang below none: they come last, by their time.
    waiting = [*answers.get(None, []), *sorted(members, key=time)][::-1]
    while waiting:
        row = waiting.pop()
        if row.post["id"] not in seen:
            seen.add(row.post["id"])
            yield row
            waiting += answers.get(row.post["id"], [])[::-1]
