"""XML as a small tree, read so that a hostile file costs no more than its size: no entity of its own, nothing from outside.

Declaring an entity is refused, whatever it stands for, which ends expansion ("billion laughs") and inclusion of files and addresses
alike. Names of characters that a file takes from its document type (``&nbsp;``) are those of HTML.
"""

from __future__ import annotations

import html
from typing import Any
from xml.parsers import expat

MAX_DEPTH = 256
MAX_ELEMENTS = 1_000_000
"""Bounds of a document: an element costs a hundred times the four bytes it may be written with."""


class Refused(Exception):  # noqa: N818 - a state of the file, caught by the reader and never shown
    """A document that is not read; `args[0]` says why, in a word."""


class Element:
    """An element: its name without a prefix, its attributes, and texts and elements in their order."""

    __slots__ = ("attributes", "children", "name")

    def __init__(self, name: str, attributes: dict[str, str]) -> None:
        self.name = name
        self.attributes = attributes
        self.children: list[Element | str] = []

    def elements(self, *names: str) -> list[Element]:
        """Return the children of some names; all elements, if none is given."""
        return [c for c in self.children if isinstance(c, Element) and (not names or c.name in names)]

    def find(self, *path: str) -> Element | None:
        """Return the first element at the end of a path of names."""
        place: Element | None = self
        for name in path:
            place = next(iter(place.elements(name)), None) if place is not None else None
        return place

    def all(self, *names: str) -> list[Element]:
        """Return all elements of some names below this one, in the document's order."""
        found = []
        waiting = self.elements()[::-1]
        while waiting:
            element = waiting.pop()
            if element.name in names:
                found.append(element)
            waiting += element.elements()[::-1]
        return found

    def outermost(self, *names: str) -> list[Element]:
        """Return the elements of some names below this one that lie in no other of them, in the document's order."""
        found = []
        waiting = self.elements()[::-1]
        while waiting:
            element = waiting.pop()
            if element.name in names:
                found.append(element)
            else:
                waiting += element.elements()[::-1]
        return found

    def holders(self, name: str) -> set[int]:
        """Return the identities of the elements below this one that hold, however deep, an element of a name; in one pass."""
        order: list[tuple[Element, Element | None]] = []
        waiting: list[tuple[Element, Element | None]] = [(element, None) for element in self.elements()]
        while waiting:
            element, parent = waiting.pop()
            order.append((element, parent))
            waiting += [(child, element) for child in element.elements()]
        found: set[int] = set()
        for element, parent in reversed(order):
            if parent is not None and (element.name == name or id(element) in found):
                found.add(id(parent))
        return found

    def attribute(self, name: str) -> str | None:
        """Return an attribute, whatever prefix it has."""
        return next((v for k, v in self.attributes.items() if k.rpartition(":")[2] == name), None)


def parse(content: bytes) -> Element:
    """Return a document's root.

    Raises
    ------
    Refused
        If it is not well-formed, declares entities, or is too deep or too large.
    """
    parser = expat.ParserCreate()
    parser.buffer_text = True
    # Values that an attribute list declares are left out: a long one would be made anew for each element.
    parser.specified_attributes = True
    parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
    top = Element("", {})
    open_elements = [top]
    count = 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal count
        count += 1
        if len(open_elements) > MAX_DEPTH or count > MAX_ELEMENTS:
            raise Refused("nested_too_deep" if len(open_elements) > MAX_DEPTH else "too_many_elements")
        element = Element(name.rpartition(":")[2], attributes)
        open_elements[-1].children.append(element)
        open_elements.append(element)

    def end(_: str) -> None:
        open_elements.pop()

    def text(data: str) -> None:
        open_elements[-1].children.append(data)

    def skipped(name: str, is_parameter: bool) -> None:
        written = f"&{name};"
        if not is_parameter and (character := html.unescape(written)) != written:
            open_elements[-1].children.append(character)

    def refuse(*_: Any) -> int:
        raise Refused("entity_declaration")

    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, text
    parser.SkippedEntityHandler = skipped
    parser.EntityDeclHandler = parser.ExternalEntityRefHandler = refuse
    try:
        parser.Parse(content, True)
    except (expat.ExpatError, LookupError, ValueError) as error:
        raise Refused(type(error).__name__) from None
    return top.elements()[0]
