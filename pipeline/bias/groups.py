"""Which groups of people a text mentions and what it is about, by packaged lists, and the region that its address names.

The lists are short and neutral on purpose: they say whom a text speaks of, not how. A word of a list can mean something else (a `child`
process, a `man` page): a mention is evidence, not proof. Where no list exists for a text's language, nothing is known, and the answer is null.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.bias.screen import MENTIONED, Screened
from pipeline.bias.terms import DIALECT, group_names
from pipeline.bias.topics import topic_names

GROUPS = pa.list_(pa.field("item", pa.string(), nullable=False))

GENERIC_COUNTRY_DOMAINS = frozenset(
    "ad ai as bz cc cd co dj fm gg io la ly me ms nu sc sh so sr st su tk to tv vc ws eu".split()  # noqa: SIM905 - reads better
)
"""Country domains that are sold as if they had no country, so that they name no region: those that Google Search Central lists under
"generic country code top-level domains", `eu`, and the ones whose registries sell them worldwide (`ai`, `gg`, `ly`, `sh`, `so`, `st`, `to`, `vc`)."""

_COUNTRY = r"^[A-Za-z][A-Za-z0-9+.-]*://(?:[^/?#@]*@)?[^/?#:@]*\.(?P<domain>[A-Za-z]{2})\.?(?::[0-9]*)?(?:[/?#]|$)"
_CODES = {"uk": "gb", "ac": "sh"}


def groups_in(screened: Screened) -> pa.Array:
    """Return the groups of people that each text mentions; markers of dialects are not among them.

    Returns
    -------
    pa.Array
        Lists of ``axis:group`` in the lists' order; null where no list exists for the language, or there is no text.
    """
    people = [place for place, name in enumerate(group_names()) if not name.startswith(f"{DIALECT}:")]
    hit = (screened.flags[:, people] & MENTIONED).astype(np.bool_)
    names = pa.array([group_names()[place] for place in people], pa.string()).take(pa.array(np.nonzero(hit)[1]))
    offsets = np.concatenate([[0], np.cumsum(hit.sum(axis=1))]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), names, type=GROUPS, mask=pa.array(~screened.assessed))


def topics_in(screened: Screened) -> pa.Array:
    """Return the main topic of each text as ``topic:name``; null where no list exists for the language, or there is no text."""
    number = pa.array(screened.topic.astype(np.int32), mask=~screened.assessed)
    return pa.array(topic_names(), pa.string()).take(number)


def regions(addresses: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """Return the country of each address's domain as an ISO 3166 code in lower case; null where it names none.

    >>> regions(pa.array(["https://www.example.co.uk/a", "https://example.org/", "urn:x:de", None])).to_pylist()
    ['gb', None, None, None]
    """
    domain = pc.utf8_lower(pc.struct_field(pc.extract_regex(addresses, _COUNTRY), "domain"))
    for name, code in _CODES.items():
        domain = pc.if_else(pc.equal(domain, name), code, domain)
    generic = pc.is_in(domain, pa.array(sorted(GENERIC_COUNTRY_DOMAINS), pa.string()))
    return pc.if_else(generic, pa.scalar(None, pa.string()), domain)
