"""XML in and out, as much of it as MNS needs.

Reading is bounded and knows no DTD, so there are no entities to expand and nothing to fetch. Writing uses a
default namespace and no prefixes: the SDKs compare tags as they are written (mns section 3).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias
from xml.parsers import expat
from xml.sax.saxutils import escape

from fun_local.errors import InvalidRequest
from fun_local.http.refusals import MNS_NAMESPACE

#: An element to be written: its name, and its text or its children.
Tree: TypeAlias = "tuple[str, str | list[Tree]]"

#: A batch of messages with their properties is five deep and has some hundred elements.
_MAX_DEPTH = 8
_MAX_ELEMENTS = 5000


@dataclass(slots=True)
class Element:
    """An element that was read. Namespaces are dropped: the service takes documents without one as well."""

    name: str
    text: str = ""
    children: list[Element] = field(default_factory=list)


def parse(body: bytes) -> Element:
    """The root of a document. Raises InvalidRequest."""
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    builder = _Builder()
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.text
    parser.StartDoctypeDeclHandler = builder.doctype
    try:
        parser.Parse(body, True)
    except expat.ExpatError as error:
        raise _malformed(f"is not well-formed XML ({error})") from None
    except (ValueError, LookupError) as error:
        raise _malformed(f"has an encoding that is not supported ({error})") from None
    return builder.root


def write(tree: Tree) -> bytes:
    """A document in UTF-8."""
    name, content = tree
    inner = _content(content)
    root = f'<{name} xmlns="{MNS_NAMESPACE}">{inner}</{name}>'
    return f'<?xml version="1.0" encoding="utf-8"?>\n{root}'.encode()


class _Builder:
    """Makes the tree of what the parser finds."""

    def __init__(self) -> None:
        self._top = Element("")
        self._open = [self._top]
        self._count = 0

    @property
    def root(self) -> Element:
        """What a well-formed document has one of."""
        return self._top.children[0]

    def start(self, name: str, _: dict[str, str]) -> None:
        self._count += 1
        if len(self._open) > _MAX_DEPTH or self._count > _MAX_ELEMENTS:
            raise _malformed("has more elements than any operation takes")
        element = Element(name.rpartition(" ")[2])
        self._open[-1].children.append(element)
        self._open.append(element)

    def end(self, _: str) -> None:
        self._open.pop()

    def text(self, data: str) -> None:
        # The parser hands text out in pieces; of an element with children only blanks are of this kind.
        element = self._open[-1]
        if not element.children:
            element.text += data

    def doctype(self, *_: object) -> None:
        raise _malformed("has a DOCTYPE, which is not allowed")


def _content(content: str | list[Tree]) -> str:
    if isinstance(content, str):
        # A bare CR would be read as LF.
        return escape(content, {"\r": "&#13;"})
    return "".join(f"<{name}>{_content(inner)}</{name}>" for name, inner in content)


def _malformed(why: str) -> InvalidRequest:
    return InvalidRequest(
        "MalformedXML", f"the body {why}", hint="Send one XML document, as the operation's page shows it."
    )
