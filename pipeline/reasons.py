"""The closed, versioned list of reasons (`pipeline.verdict`), apart from it so that a configuration is checked without Arrow."""

from __future__ import annotations

from typing import Literal

Outcome = Literal["rejected", "failed"]

REASONS: dict[str, tuple[Outcome, str]] = {
    # ingest
    "ingest.unreadable_record@1": ("failed", "the record could not be parsed"),
    "ingest.truncated_record@1": ("failed", "the record ends before its stated length"),
    "ingest.undecodable_text@1": ("failed", "the record's bytes are not text in its stated or sniffed charset"),
    "ingest.record_too_large@1": ("failed", "the record is larger than the source's limit"),
    "ingest.expansion_limit@1": (
        "failed",
        "the file holds more for its size than the source allows, and was not read on",
    ),
    "ingest.revisit@1": ("rejected", "the same content is in the record that the finding names"),
    "ingest.http_status@1": ("rejected", "the response's status is not 200"),
    "ingest.media_type@1": ("rejected", "the record is not of a media type that holds text"),
    "ingest.no_text@1": ("rejected", "the record holds no text"),
    "ingest.text_too_long@1": ("rejected", "the text is longer than the source's limit"),
    "ingest.opted_out@1": ("rejected", "the publisher reserved its rights against this use"),
    "ingest.missing_license@1": ("rejected", "the source demands a licence and the record states none"),
    "ingest.private_message@1": ("rejected", "the message is not addressed to the public"),
    "ingest.deleted@1": ("rejected", "the post was deleted, by itself or with its author's account"),
    "ingest.superseded@1": ("rejected", "a later version of the same post was read"),
    "ingest.joined_thread@1": ("rejected", "the post is part of its thread's document"),
    "ingest.repeated_record@1": ("rejected", "the same record was read before in this batch"),
    "ingest.tombstone@1": ("rejected", "the document was taken down and may not come back"),
    # dedup
    "dedup.exact_duplicate@1": ("rejected", "its normalised text equals the survivor's"),
    "dedup.near_duplicate@1": (
        "rejected",
        "its exact Jaccard similarity with the survivor is at or above the threshold",
    ),
    "dedup.contained@1": ("rejected", "the survivor holds at least the configured share of its shingles"),
    # language
    "language.not_wanted@1": ("rejected", "its language is not among the wanted ones"),
    "language.unsure@1": ("rejected", "no language reached the score"),
    "language.mixed@1": ("rejected", "its language has a smaller share of it than is asked for"),
    # pii
    "pii.only_personal_data@1": ("rejected", "nothing but placeholders is left after redaction"),
    "pii.uncovered_language@1": ("rejected", "no recogniser covers its language"),
    # quality
    "quality.score@1": ("rejected", "its quality score is under the threshold"),
    "quality.gopher.word_count_min@1": ("rejected", "fewer words than Gopher's rule allows"),
    "quality.gopher.word_count_max@1": ("rejected", "more words than Gopher's rule allows"),
    "quality.gopher.mean_word_length_min@1": ("rejected", "shorter words on average than Gopher's rule allows"),
    "quality.gopher.mean_word_length_max@1": ("rejected", "longer words on average than Gopher's rule allows"),
    "quality.gopher.hash_ratio@1": ("rejected", "more hash signs a word than Gopher's rule allows"),
    "quality.gopher.ellipsis_ratio@1": ("rejected", "more ellipses a word than Gopher's rule allows"),
    "quality.gopher.bullet_lines@1": ("rejected", "a larger share of bullet lines than Gopher's rule allows"),
    "quality.gopher.ellipsis_lines@1": (
        "rejected",
        "a larger share of lines ending in an ellipsis than Gopher's rule allows",
    ),
    "quality.gopher.alphabetic_words@1": (
        "rejected",
        "a smaller share of words with a letter than Gopher's rule allows",
    ),
    "quality.gopher.alphabetic_tokens@1": (
        "rejected",
        "a smaller share of tokens with a letter than Gopher's rule allows, as DataTrove counts them",
    ),
    "quality.gopher.stop_words@1": ("rejected", "fewer stop words than Gopher's rule demands"),
    "quality.gopher.duplicate_lines@1": ("rejected", "Gopher's limit of repeated lines"),
    "quality.gopher.duplicate_paragraphs@1": ("rejected", "Gopher's limit of repeated paragraphs"),
    "quality.gopher.duplicate_line_characters@1": ("rejected", "Gopher's limit of characters in repeated lines"),
    "quality.gopher.duplicate_paragraph_characters@1": (
        "rejected",
        "Gopher's limit of characters in repeated paragraphs",
    ),
    "quality.gopher.top_2_gram@1": ("rejected", "Gopher's limit of characters in the most frequent 2-gram"),
    "quality.gopher.top_3_gram@1": ("rejected", "Gopher's limit of characters in the most frequent 3-gram"),
    "quality.gopher.top_4_gram@1": ("rejected", "Gopher's limit of characters in the most frequent 4-gram"),
    "quality.gopher.duplicate_5_grams@1": ("rejected", "Gopher's limit of characters in repeated 5-grams"),
    "quality.gopher.duplicate_6_grams@1": ("rejected", "Gopher's limit of characters in repeated 6-grams"),
    "quality.gopher.duplicate_7_grams@1": ("rejected", "Gopher's limit of characters in repeated 7-grams"),
    "quality.gopher.duplicate_8_grams@1": ("rejected", "Gopher's limit of characters in repeated 8-grams"),
    "quality.gopher.duplicate_9_grams@1": ("rejected", "Gopher's limit of characters in repeated 9-grams"),
    "quality.gopher.duplicate_10_grams@1": ("rejected", "Gopher's limit of characters in repeated 10-grams"),
    "quality.fineweb.line_punctuation@1": (
        "rejected",
        "a smaller share of lines ending in punctuation than FineWeb's rule allows",
    ),
    "quality.fineweb.short_lines@1": ("rejected", "a larger share of short lines than FineWeb's rule allows"),
    "quality.fineweb.duplicate_line_characters@1": ("rejected", "FineWeb's limit of characters in repeated lines"),
    "quality.fineweb.newline_ratio@1": ("rejected", "more line ends a word than FineWeb's rule allows"),
    "quality.fineweb.newline_ratio@2": ("rejected", "more line ends a token than FineWeb's rule allows"),
    "quality.c4.sentences@1": ("rejected", "fewer sentences than C4's rule demands in the lines that C4 keeps"),
    "quality.c4.curly_brackets@1": ("rejected", "a line that C4 would keep holds a curly bracket"),
    "quality.c4.lorem_ipsum@1": ("rejected", "a line that C4 would keep holds 'lorem ipsum'"),
    # provenance
    "provenance.unverified_lineage@1": ("rejected", "its lineage record does not verify"),
    "provenance.incomplete_lineage@1": ("rejected", "its lineage record lacks a demanded field"),
    # validate
    "validate.contaminated@1": ("rejected", "it shares a run of words with a benchmark item"),
    # publish
    "publish.already_published@1": ("rejected", "the document is in the corpus already"),
    "publish.duplicate_after_redaction@1": (
        "rejected",
        "as published, it is a duplicate of another document of its batch",
    ),
    "publish.duplicate_since_base@1": ("rejected", "a release after the batch's base holds its duplicate"),
    "publish.tombstone@1": ("rejected", "the document was taken down after the batch's base"),
    # any per-document stage: a document on which the stage itself raised
    "ingest.failed@1": ("failed", "the stage failed on this document"),
    "dedup.failed@1": ("failed", "the stage failed on this document"),
    "language.failed@1": ("failed", "the stage failed on this document"),
    "pii.failed@1": ("failed", "the stage failed on this document"),
    "quality.failed@1": ("failed", "the stage failed on this document"),
    "provenance.failed@1": ("failed", "the stage failed on this document"),
    "validate.failed@1": ("failed", "the stage failed on this document"),
    "publish.failed@1": ("failed", "the stage failed on this document"),
}


def quality_rules() -> tuple[str, ...]:
    """Return the names of the published rules about quality that can be chosen one by one."""
    return tuple(name for name in REASONS if name.startswith("quality.") and name.count(".") > 1)
