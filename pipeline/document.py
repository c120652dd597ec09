"""The document's columns at each stage: the only place that names a column and its type.

A snapshot's shard holds the columns of its stage, one row for each document of the batch, in the shard's order. A row that an
earlier stage rejected has nulls in all later stages. Text is written by `ingest` (raw, before redaction, under the raw root)
and by `pii` (redacted), to files of its own; every other column lies beside it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from pipeline.verdict import VERDICT

DOCUMENT_ID = "document_id"
TEXT = "text"
VERDICT_COLUMN = "verdict"

SPAN = pa.struct(
    [
        pa.field("type", pa.string(), nullable=False),
        pa.field("start", pa.int32(), nullable=False),
        pa.field("end", pa.int32(), nullable=False),
        pa.field("recognizer", pa.string(), nullable=False),
        pa.field("score", pa.float32(), nullable=False),
        pa.field("token", pa.string(), nullable=False),
    ]
)
"""Personal data that was replaced: its type, code-point offsets of the token in the *new* text, the recogniser and its score, and the
token that stands there, which of a pseudonym holds the key's id; empty where it was cut. Never the value."""

POST = pa.struct(
    [
        # `subject_id` of the post: the same for each of its versions.
        pa.field("id", pa.string(), nullable=False),
        # `subject_id` of its author, of the post that it answers and of its thread's first one; null where unknown or none.
        pa.field("author", pa.string()),
        pa.field("reply_to", pa.string()),
        pa.field("thread", pa.string()),
        # When this version was made or seen; of two versions the later one stays.
        pa.field("version_at", pa.timestamp("us", tz="UTC")),
        # Of a thread's document: posts and authors that it is made of, in reply order; null for a single post.
        pa.field("parts", pa.list_(pa.field("item", pa.string(), nullable=False))),
        # Of a thread's document: posts that it refers to and the batch does not hold.
        pa.field("missing", pa.int32()),
    ]
)
"""What a post is to others: digests only, by which a later version, an answer or a deletion finds it. No handle, no address."""

NEAR_MISS = pa.struct(
    [
        # Nullable, as Parquet's writer takes children of a null struct for nulls of their own.
        pa.field("document_id", pa.string()),
        # The release that published it; null: same batch.
        pa.field("release", pa.int64()),
        pa.field("similarity", pa.float64()),
    ]
)
"""The document that another one would have been removed for, had the threshold been a little lower."""

RAW = pa.schema(
    [
        pa.field(DOCUMENT_ID, pa.string(), nullable=False),
        # Null where the record never became text, and where its document was taken down or opted out.
        pa.field(TEXT, pa.string()),
        # The record's own title: text before redaction like the rest of this file, and in no other. Null where there is none.
        pa.field("title", pa.string()),
        # The record's own bytes, kept only where it was rejected or failed before it became text, for replay.
        pa.field("record", pa.binary()),
    ]
)

INGEST = pa.schema(
    [
        pa.field(DOCUMENT_ID, pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("source_kind", pa.string(), nullable=False),
        pa.field("uri", pa.string()),
        # The address that the page itself states as its own; null where it states none.
        pa.field("canonical_uri", pa.string()),
        pa.field("fetched_at", pa.timestamp("us", tz="UTC")),
        # When the record says it was written; null where it does not, or not surely.
        pa.field("published_at", pa.timestamp("us", tz="UTC")),
        # BCP 47, as the record states it: a hint, never what decides.
        pa.field("language_hint", pa.string()),
        # SPDX identifier or expression, or the licence's own address; null where none is stated.
        pa.field("license", pa.string()),
        # Who holds the rights, and the agreement under which the record is used; null where unstated.
        pa.field("rights_holder", pa.string()),
        pa.field("agreement", pa.string()),
        # allowed | unknown | opted_out
        pa.field("consent", pa.string(), nullable=False),
        # Where the consent was read: "header:x-robots-tag", "meta:robots", ...; null where nothing was found.
        pa.field("consent_evidence", pa.string()),
        # The publisher's wishes, each with its place: "noindex@meta:robots,..."; null where it stated none.
        pa.field("consent_signals", pa.string()),
        # Place of the record: file relative to its source, byte offset (WARC) or zero-based row, and the record's own id.
        pa.field("record_file", pa.string(), nullable=False),
        pa.field("record_offset", pa.int64(), nullable=False),
        pa.field("record_id", pa.string()),
        # sha256 of the record's raw content (the payload for WARC, the line or row for the others).
        pa.field("record_digest", pa.string(), nullable=False),
        # sha256 of the normalised text in UTF-8; null where there is no text.
        pa.field("text_digest", pa.string()),
        pa.field("characters", pa.int32()),
        # What normalisation changed: comma-separated names, null where nothing.
        pa.field("normalised", pa.string()),
        # Null where the record is no post of a social feed.
        pa.field("post", POST),
        pa.field(VERDICT_COLUMN, VERDICT),
    ]
)

REPETITION = pa.struct(
    [
        # Stretches of the text that stand in many documents of its source, and their share of the text's bytes.
        pa.field("passages", pa.int32()),
        pa.field("share", pa.float32()),
        # What was cut of them: start and end of each stretch, in bytes of the raw text, one after the other; null where nothing was.
        pa.field("cuts", pa.list_(pa.field("item", pa.int64(), nullable=False))),
    ]
)

DEDUP = pa.schema(
    [
        # Of a removed document: the document that stays for it, the release that published it (null: same batch).
        pa.field("survivor", pa.string()),
        pa.field("survivor_release", pa.int64()),
        # Exact Jaccard similarity of the shingle sets, 1.0 for an exact duplicate.
        pa.field("similarity", pa.float64()),
        # Documents of the batch that the survivor stands for, itself included; 1 for a document without duplicates.
        pa.field("cluster_size", pa.int32()),
        # Of a document that stays: the most similar one that it was compared with, just below the threshold; null where there is none.
        pa.field("near_miss", NEAR_MISS),
        # Null where nobody asked for it (`dedup.repetition.policy: ignore`), or the document was gone.
        pa.field("repetition", REPETITION),
        # Band hashes of the signature: what the history index holds of a published document.
        pa.field("bands", pa.list_(pa.field("item", pa.int64(), nullable=False))),
        pa.field(VERDICT_COLUMN, VERDICT),
    ]
)

LANGUAGE_SHARE = pa.struct(
    [
        # BCP 47, or "und".
        pa.field("language", pa.string(), nullable=False),
        pa.field("share", pa.float32(), nullable=False),
    ]
)
"""How much of a document is in one language, by its segments' characters."""

LANGUAGE = pa.schema(
    [
        # BCP 47; "und" where nothing reached the score, which is a calibrated probability.
        pa.field("language", pa.string()),
        pa.field("language_score", pa.float32()),
        pa.field("language_runner_up", pa.string()),
        pa.field("language_runner_up_score", pa.float32()),
        # What CLD2 alone says, and whether lid.176 says the same; null where one of them says nothing.
        pa.field("language_second", pa.string()),
        pa.field("language_agrees", pa.bool_()),
        # Of a doubtful document: the share of its language by segments, and that of every language, largest first; null for the others.
        pa.field("language_share", pa.float32()),
        pa.field("language_shares", pa.list_(pa.field("item", LANGUAGE_SHARE, nullable=False))),
        pa.field(VERDICT_COLUMN, VERDICT),
    ]
)

PII = pa.schema(
    [
        pa.field(TEXT, pa.string()),
        pa.field("pii_spans", pa.list_(pa.field("item", SPAN, nullable=False))),
        pa.field("pii_count", pa.int32()),
        # Hits of the independent re-scan on the redacted text; 0 is what the gate demands.
        pa.field("pii_left", pa.int32()),
        # Whether names were looked for: false where no model knows the document's language, null where nobody asked for names.
        pa.field("pii_names", pa.bool_()),
        pa.field(VERDICT_COLUMN, VERDICT),
    ]
)

MEASURES: tuple[str, ...] = (
    "word_count",
    "mean_word_length",
    "hash_ratio",
    "ellipsis_ratio",
    "bullet_lines",
    "ellipsis_lines",
    "alphabetic_words",
    "stop_words",
    "stop_word_share",
    "unique_word_share",
    "duplicate_lines",
    "duplicate_paragraphs",
    "duplicate_line_characters",
    "duplicate_paragraph_characters",
    "top_2_gram",
    "top_3_gram",
    "top_4_gram",
    "duplicate_5_grams",
    "duplicate_6_grams",
    "duplicate_7_grams",
    "duplicate_8_grams",
    "duplicate_9_grams",
    "duplicate_10_grams",
    "line_punctuation",
    "short_lines",
    "newline_ratio",
    "digit_share",
    "uppercase_share",
    "symbol_share",
    "capitalised_words",
    "exclamation_ratio",
    "longest_word",
    "link_ratio",
    "boilerplate_ratio",
    "spam_ratio",
    "compression_ratio",
    "letter_surprise",
    "c4_lines",
    "c4_sentences",
    "c4_curly_brackets",
    "c4_lorem_ipsum",
    "c4_javascript",
    "c4_policy",
    "token_count",
    "alphabetic_tokens",
    "newline_token_ratio",
)
"""Numbers about a text; `pipeline/text/measures.py` defines each."""

QUALITY = pa.schema(
    [
        pa.field("quality_score", pa.float32()),
        *(pa.field(name, pa.float32()) for name in MEASURES),
        # Rules of `quality.soft_rules` that speak against the document, and reject nothing; null where none does.
        pa.field("soft_findings", VERDICT),
        # Words of abuse, above all when aimed at somebody: a signal that nothing is rejected by; null where its language has no list.
        pa.field("toxicity", pa.float32()),
        pa.field(VERDICT_COLUMN, VERDICT),
    ]
)

PROVENANCE = pa.schema(
    [
        # Canonical JSON (sorted keys, no spaces) of the lineage record, and its sha256.
        pa.field("lineage", pa.string()),
        pa.field("lineage_digest", pa.string()),
        # Demanded fields that the record lacks, 0 when complete.
        pa.field("lineage_missing", pa.int32()),
        pa.field("lineage_verified", pa.bool_()),
        pa.field(VERDICT_COLUMN, VERDICT),
    ]
)

VALIDATE = pa.schema(
    [
        # "benchmark:item" of the item that the document shares most shingles with, and how many it shares.
        pa.field("contaminated_item", pa.string()),
        pa.field("contaminated_shingles", pa.int32()),
        # Identity groups that the text mentions ("axis:group"); null where no list exists for its language.
        pa.field("groups", pa.list_(pa.field("item", pa.string(), nullable=False))),
        # Main topic ("topic:name"), "topic:none" where none stands out; null where no list exists for its language.
        pa.field("topic", pa.string()),
        pa.field(VERDICT_COLUMN, VERDICT),
    ]
)

PUBLISH = pa.schema(
    [
        # sha256 of the published text.
        pa.field("published_digest", pa.string()),
        pa.field("survivor", pa.string()),
        pa.field("survivor_release", pa.int64()),
        pa.field("similarity", pa.float64()),
        pa.field(VERDICT_COLUMN, VERDICT),
    ]
)

COLUMNS: dict[str, pa.Schema] = {
    "ingest": INGEST,
    "dedup": DEDUP,
    "language": LANGUAGE,
    "pii": PII,
    "quality": QUALITY,
    "provenance": PROVENANCE,
    "validate": VALIDATE,
    "publish": PUBLISH,
}
"""Each stage's columns, in the recipe's order."""


def text_digest(text: str) -> str:
    """Return the sha256 of a text's UTF-8 bytes, in hexadecimal."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def document_id(source: str, address: str, content: bytes) -> str:
    """Return the id of a document: 32 hexadecimal digits.

    Parameters
    ----------
    source
        Name of the source.
    address
        The record's own address: its URI or native id, or "" where it has none. Never a file name or a position, so that the
        same record in another file, order or root has the same id.
    content
        The record's raw content.
    """
    digest = hashlib.blake2b(digest_size=16, person=b"sluice-document")
    for part in (source.encode(), address.encode("utf-8", "surrogatepass")):
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    digest.update(content)
    return digest.hexdigest()


def subject_id(source: str, address: str) -> str:
    """Return what a deletion names: a post or an author of a source, by the digest of its own address, 32 hexadecimal digits.

    It has the form of a document's id and can never be one, so that tombstones hold both.
    """
    digest = hashlib.blake2b(digest_size=16, person=b"sluice-subject")
    for part in (source.encode(), address.encode("utf-8", "surrogatepass")):
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.hexdigest()


def subjects_of(post: Mapping[str, Any] | None) -> set[str]:
    """Return all that a deletion may name to hit a document, by its column `post`: its posts and their authors."""
    if post is None:
        return set()
    return {subject for subject in (post["id"], post["author"], *(post["parts"] or ())) if subject}
