"""How a batch redacts, for whoever compares its texts with published ones, which may have been redacted in another way."""

from __future__ import annotations

from functools import partial

from pipeline.dedup.sides import Redaction
from pipeline.fingerprint import digest
from pipeline.lake.release import Redacting
from pipeline.pii.redact import as_published, strip_tokens, without_tokens
from pipeline.pii.tokens import key_digest, load_key
from pipeline.settings import Settings


def redacting_of(settings: Settings) -> Redacting:
    """Return how texts are redacted under some settings.

    Raises
    ------
    ConfigError
        If pseudonyms are asked for and the key of the epoch is not there, or too short.
    """
    if not settings.cleaning.remove_pii:
        return Redacting(looked_for=digest(None), tokens=digest(None))
    own = settings.pii
    key = key_digest(load_key(own.key_epoch)) if own.replacement == "pseudonym" else None
    # An epoch only names its key, and what becomes of a document that no model of names covers is no matter of its text.
    others = {"replacement", "key_epoch", "uncovered_language"}
    return Redacting(
        looked_for=digest(own.model_dump(mode="json", exclude=others)), tokens=digest([own.replacement, key])
    )


def redaction_of(settings: Settings) -> Redaction:
    """Return how a batch redacts; its texts are raw."""
    return Redaction(
        redacting_of(settings),
        publish=partial(as_published, settings=settings),
        common=partial(without_tokens, settings=settings),
        strip=strip_tokens,
    )
