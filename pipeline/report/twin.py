"""A removed document and its survivor in the terminal: who stays, and the words that only one of them has."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.text import Text

from pipeline.report.escaped import escaped

MARKS = {"first": ("[-", "-]", "red"), "second": ("{+", "+}", "green")}
"""Signs and colour of words that only the removed document, or only the survivor, has; as in GNU wdiff."""


def safe(text: str) -> str:
    """Return a text of hostile origin so that it cannot drive a terminal or turn the direction of what stands beside it."""
    return escaped(text.encode("utf-8", "surrogatepass"))


def print_twin(out: Console, twin: dict[str, Any]) -> None:
    """Print a removed document's survivor, their cluster, and where the texts differ."""
    survivor, cluster = twin["survivor"], twin["cluster"]
    release = "" if survivor["release"] is None else f", in release {survivor['release']}"
    standing = " (no longer in the newest release)" if release and not survivor["in_newest_release"] else ""
    later = f", and was itself removed later: {survivor['removed_later']}" if survivor["removed_later"] else ""
    sources = ", ".join(f"{name} {count:,}" for name, count in cluster["sources"].items())
    source = survivor["source"] or "a source that is no longer known"
    _line(out, "stays", f"{survivor['id']} of {source}, {survivor['where']}{release}{standing}{later}")
    _line(out, "similarity", f"{twin['similarity']:.4f} (Jaccard, compared exactly)")
    _line(out, "cluster", f"{cluster['documents']:,} documents of this batch: {sources}")
    if found := twin.get("difference"):
        _line(out, "compared", f"{twin['compared']}; {summary(found)}")
        out.print(difference_text(found), soft_wrap=False)
    elif "no_difference" in twin:
        _line(out, "compared", twin["no_difference"])


def summary(found: dict[str, Any]) -> str:
    """Say in words how much two texts share."""
    first, second = found["first_words"] - found["shared_words"], found["second_words"] - found["shared_words"]
    if not found["places"]:
        return f"{found['shared_words']:,} words, all of them shared"
    said = (
        f"{found['shared_words']:,} words shared, {first:,} only in the removed document [-…-], {second:,} only in the survivor {{+…+}}, "
        f"in {found['places']:,} place{'s' if found['places'] > 1 else ''}"
    )
    if found["places_left_out"]:
        said += f", the first {found['places'] - found['places_left_out']:,} of them shown"
    return said if found["thorough"] else f"{said}; in the largest places shared words were not looked for"


def difference_text(found: dict[str, Any]) -> Text:
    """Return the differing places with their context, styled; nothing in the texts is taken for markup."""
    text = Text()
    for part in found["parts"]:
        if text:
            text.append(" ")
        if part["kind"] == "skipped":
            text.append(f"… {part['words']:,} shared words …", style="dim italic")
            continue
        left_out = f" … {part['left_out']:,} more words" if part["left_out"] else ""
        if part["kind"] == "shared":
            text.append(safe(part["text"]))
        else:
            opening, closing, colour = MARKS[part["kind"]]
            text.append(f"{opening}{safe(part['text'])}{left_out}{closing}", style=f"bold {colour}")
    return text


def _line(out: Console, name: str, said: str) -> None:
    out.print(Text.assemble((f"{name:<11}", "bold"), safe(said)))
