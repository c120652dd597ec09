"""A source: one place that documents come from, as the configuration describes it.

Its settings are the readers' only input beside the files themselves. What every model of the configuration shares stands here too,
so that `settings.py` can build on this file.
"""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

from pipeline.address import has_credentials, is_chained

Extractor = Literal["resiliparse", "trafilatura"]
SourceKind = Literal["web", "social", "licensed"]
Format = Literal["jsonl", "parquet", "warc", "bluesky", "activitypub", "reddit", "csv", "text", "jats"]
"""How a file is read; `pipeline/sources/records.py` holds the reader of each."""
FORMATS: tuple[Format, ...] = get_args(Format)

KNOWN_SOURCES: dict[str, SourceKind] = {"social_feeds": "social", "web_crawl": "web", "licensed_content": "licensed"}
"""Sources that a plain name stands for; their files lie in `input/<name>/` beside the configuration."""

Share = Annotated[float, Field(ge=0, le=1)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]


class Model(BaseModel):
    """Frozen, strict about keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, use_attribute_docstrings=True)


WishName = Literal[
    "noai",
    "noimageai",
    "noindex",
    "tdm_reservation",
    "tdm_policy",
    "ai_train",
    "ai_input",
    "robots_txt",
    "do_not_crawl",
]
"""A publisher's wish, as a crawl records it; `pipeline/sources/wishes.py` says where each is read."""
OnWish = Literal["reject", "flag", "keep"]


class ConsentPolicy(Model):
    """What follows from each wish of a publisher: reject the record, keep it and flag the batch, or keep and mark it."""

    noai: OnWish = "reject"
    noimageai: OnWish = "reject"
    noindex: OnWish = "keep"
    tdm_reservation: OnWish = "reject"
    tdm_policy: OnWish = "keep"
    ai_train: OnWish = "reject"
    ai_input: OnWish = "keep"
    robots_txt: OnWish = "reject"
    do_not_crawl: OnWish = "reject"

    robots_snapshot: str | None = None
    """File of the robots.txt of the crawled sites, as they were: a WARC of them, or JSON Lines with `url` and `text`."""
    robots_agents: tuple[str, ...] = ("CCBot", "GPTBot", "Google-Extended", "ClaudeBot", "Applebot-Extended")
    """Robots whose rules count: a page that is forbidden to one of them is not wanted in a training corpus."""
    do_not_crawl_list: str | None = None
    """File of hosts (with all under them) and beginnings of addresses, one a line."""

    def of(self, wish: WishName) -> OnWish:
        """Return what follows from a wish."""
        answer: OnWish = getattr(self, wish)
        return answer


class Source(Model):
    """One place that documents come from."""

    name: Name
    kind: SourceKind
    paths: tuple[str, ...] = ()
    """Files, folders, globs or fsspec URIs; relative ones start at the configuration's folder. Empty: `input/<name>/`."""
    connection: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,250}$")] | None = None
    """Airflow connection that holds the credentials of these places; without one they come from the environment."""
    format: Literal["auto"] | Format = "auto"
    """`auto` goes by the file's name."""
    rank: int = 0
    """Preference among duplicates: the lower rank survives."""

    license: str | None = None
    """SPDX identifier that holds for every record which states none itself."""
    rights_holder: str | None = None
    """Who holds the rights in every record which names nobody itself."""
    agreement: str | None = None
    """Name or number of the agreement under which the source is used."""
    require_license: bool = False
    """Reject a record that has no licence of its own while the source states none."""

    text_field: str = "text"
    id_field: str = "id"
    uri_field: str = "url"
    license_field: str = "license"
    date_field: str = "date"

    title_field: str = "title"
    language_field: str = "language"
    published_field: str = "published"
    rights_holder_field: str = "rights_holder"
    agreement_field: str = "agreement"

    # Posts. The social formats know these of themselves; of JSON Lines they have to be named.
    author_field: str | None = None
    reply_to_field: str | None = None
    """Id of the post that a post answers."""
    thread_field: str | None = None
    """Id of the first post of a post's thread."""
    updated_field: str | None = None
    """Date of a post's version: of two versions the later one stays."""
    deleted_field: str | None = None
    """A post in which this is true, a date or any other value but null, false, 0 and "" was deleted."""
    documents: Literal["post", "thread"] = "post"
    """One document a post, or one a thread: its posts in reply order, as far as the batch holds them."""

    # Web archives.
    extractor: Extractor = "resiliparse"
    """What finds a page's main content: resiliparse (fast), or trafilatura."""
    keep_truncated: bool = False
    """Keep a record of which the crawler says that it cut it (`WARC-Truncated`); otherwise it fails."""
    revisits: Literal["count", "record"] = "count"
    """A revisit (the same content as an earlier record) is counted, or is a rejected record that names the one with the content."""
    consent: ConsentPolicy = ConsentPolicy()
    """What follows from a publisher's wishes."""

    # CSV and JATS.
    csv_delimiter: Annotated[str, Field(min_length=1, max_length=1)] | None = None
    """Default: whichever of comma, semicolon, tab and bar the header holds most often."""
    csv_quote: Annotated[str, Field(min_length=1, max_length=1)] = '"'
    csv_escape: Annotated[str, Field(min_length=1, max_length=1)] | None = None
    """What stands before a quote inside a quoted field; default: the quote itself, written twice."""
    jats_include: tuple[Literal["figures", "tables", "acknowledgements", "references"], ...] = ()
    """Parts of a JATS article beside title, abstract and body: captions of figures, tables, ..."""

    max_record_bytes: Annotated[int, Field(gt=0)] = 32 * 2**20
    max_text_characters: Annotated[int, Field(gt=0)] = 5_000_000
    max_expansion: Annotated[float, Field(ge=1)] = 200
    """Bytes that a compressed file may hold for each of its own; what follows is not read. 32 MiB are allowed whatever the file's size."""

    drop_marker: Annotated[str, Field(pattern=r"^[^/\s]+$")] | None = None
    """Nightly ingest: a sub-folder of the source is a drop, complete once it holds a file of this name; default: `_SUCCESS`."""
    drop_stable_minutes: Annotated[float, Field(gt=0)] | None = None
    """Instead of a marker: a drop is complete once nothing in it, sub-folders included, has changed for so long."""

    @property
    def marker(self) -> str | None:
        """Name of the file that makes a drop complete; None where being unchanged does."""
        return None if self.drop_stable_minutes else self.drop_marker or "_SUCCESS"

    @model_validator(mode="after")
    def _plain_addresses(self) -> Source:
        if complaint := unfit_address(self.name, self.paths):
            raise ValueError(complaint)
        return self

    @model_validator(mode="after")
    def _one_rule_for_drops(self) -> Source:
        if self.drop_marker and self.drop_stable_minutes:
            raise ValueError(
                f"source '{self.name}' has both drop_marker and drop_stable_minutes: one rule says when a drop is complete, remove "
                "the other"
            )
        return self


def unfit_address(source: str, paths: tuple[str, ...] | list[str]) -> str | None:
    """Return what is wrong with the first address that a source may not have, in a sentence without the address; else None."""
    for path in paths:
        if has_credentials(path):
            return (
                f"source '{source}': a path holds credentials; take them out and name an Airflow connection under `connection`, or set "
                "them in the environment"
            )
        if is_chained(path):
            return f"source '{source}': an address that leads through another ('::') is not read; unpack it or mount it, and name that"
    return None
