"""Configurations of expectations, made once.

Great Expectations makes an expectation's configuration anew each time that it looks at one of its arguments: fifteen thousand times for the
eight gates of a batch, half of the time they take.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any


@contextlib.contextmanager
def remembered_configurations() -> Iterator[None]:
    """Let each expectation that exists meanwhile keep the configuration that it makes first.

    Only for a stretch in which nobody changes an expectation: Great Expectations' own evaluation does not. Not for threads beside each other.
    """
    from great_expectations.expectations.expectation import Expectation

    owner: Any = Expectation
    ordinary = owner.configuration
    made: dict[int, tuple[Any, Any]] = {}

    def configuration(self: Any) -> Any:
        known = made.get(id(self))
        if known is None:
            # With the expectation itself: while it is held, no other one can have its id.
            known = made[id(self)] = (self, ordinary.fget(self))
        return known[1]

    owner.configuration = property(configuration)
    try:
        yield
    finally:
        owner.configuration = ordinary
