"""Licences by their SPDX names: which are listed, and how they are written.

The list is that of the library `license-expression`, which comes with it; nothing is fetched. A licence of one's own is
``LicenseRef-<name>`` (SPDX specification 2.3, annex D).
"""

from __future__ import annotations

import difflib
import re
from functools import lru_cache
from typing import Any

_OWN = re.compile(r"(?:DocumentRef-[A-Za-z0-9.-]+:)?LicenseRef-[A-Za-z0-9.-]+")


@lru_cache(maxsize=4_096)
def expression(name: str) -> str | None:
    """Return an SPDX identifier or expression as the list writes it; None where a part of it is not listed.

    >>> expression("cc-by-4.0"), expression("mit OR Apache-2.0"), expression("LicenseRef-acme"), expression("ours")
    ('CC-BY-4.0', 'MIT OR Apache-2.0', 'LicenseRef-acme', None)
    """
    from boolean.boolean import ParseError
    from license_expression import ExpressionError

    licensing = _licensing()
    try:
        parsed = licensing.parse(name)
        unknown = [key for key in licensing.unknown_license_keys(parsed) if not _OWN.fullmatch(key)]
    except (ExpressionError, ParseError, RecursionError):
        return None
    return None if parsed is None or unknown else str(parsed.render("{symbol.key}"))


def nearest(name: str) -> str | None:
    """Return the listed identifier that is written most like a name."""
    known = {key.lower(): key for key in _licensing().known_symbols}
    found = difflib.get_close_matches("-".join(name.lower().split()), known, n=1)
    return known[found[0]] if found else None


@lru_cache(maxsize=1)
def _licensing() -> Any:
    from license_expression import get_spdx_licensing

    return get_spdx_licensing()
