"""YAML text to a tree of nodes that remember where they stand.

Built from parser events with a list as the stack: composing with PyYAML recurses once per level, in C where
the C parser is used, and a file of a million brackets ends the process there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

#: How deep mappings and lists may be nested.
MAX_DEPTH = 100

#: How many nodes a file may have, counting what an alias refers to each time it is used.
MAX_NODES = 300_000

_INT = re.compile(r"[-+]?(?:0b[01_]+|0x[0-9a-fA-F_]+|0[0-7_]*|[1-9][0-9_]*)")
_FLOAT = re.compile(r"[-+]?(?:[0-9][0-9_]*\.[0-9_]*|\.[0-9][0-9_]*)(?:[eE][-+][0-9]+)?")
_WORDS: dict[str, bool | None] = {"": None, "~": None, "null": None}
_WORDS |= dict.fromkeys(("true", "yes", "on"), True) | dict.fromkeys(("false", "no", "off"), False)
_WORDS |= {form(word): value for word, value in _WORDS.items() for form in (str.capitalize, str.upper)}

#: Longer digits are an identifier, not a quantity: they stay text.
_MAX_DIGITS = 64


class BadYaml(Exception):
    """The text can't be read; ``line`` and ``column`` count from 1."""

    def __init__(self, message: str, line: int, column: int) -> None:
        super().__init__(message)
        self.message, self.line, self.column = message, line, column


@dataclass(slots=True, eq=False)
class Node:
    """A scalar (``text``), a list (``items``) or a mapping (``entries``). An alias is the node it names."""

    line: int
    column: int
    tag: str | None
    text: str | None = None
    is_plain: bool = False
    items: list[Node] | None = None
    entries: list[tuple[Node, Node]] | None = None
    _index: dict[str, tuple[Node, Node]] | None = field(default=None, repr=False)

    @property
    def is_merge(self) -> bool:
        return self.text == "<<" and self.is_plain

    def entry(self, key: str) -> tuple[Node, Node] | None:
        """The key's and the value's node of one entry of a mapping, own entries before merged ones."""
        if self._index is None:
            self._index = {}
            for key_node, value in self.entries or ():
                if key_node.is_merge:
                    for source in value.items if value.items is not None else [value]:
                        for merged in source.entries or ():
                            self._index.setdefault(merged[0].text or "", merged)
            self._index |= {k.text or "": (k, v) for k, v in self.entries or () if not k.is_merge}
        return self._index.get(key)


def parse(text: str) -> Node | None:
    """The one document in ``text``; None when there is none.

    Raises:
        BadYaml: no YAML, several documents, or beyond MAX_DEPTH or MAX_NODES.
    """
    import yaml  # 15 ms that calls without a template need not pay

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        parser = loader(text)
        try:
            return _Reader(yaml).read(parser)
        finally:
            parser.dispose()
    except yaml.reader.ReaderError as error:
        before = text.encode()[: error.position].decode(errors="replace")
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        raise BadYaml("not valid YAML: a character that may not be in a text file", line, column) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        at = "".join(text.split("\n")[line - 1 : line])[column - 1 : column]
        what = "a tab can't indent, only spaces can" if at == "\t" else error.problem or error.context
        if "nesting depth" in str(what):  # libyaml since 0.2.6 has a bound of its own, far beyond ours
            raise BadYaml(f"nested more than {MAX_DEPTH} deep", line, column) from None
        raise BadYaml(f"not valid YAML: {what}", line, column) from None


class _Reader:
    """Events in, tree out. ``stack`` holds the open mappings and lists, ``keys`` a key without its value."""

    def __init__(self, yaml: Any) -> None:
        self._scalar, self._alias = yaml.ScalarEvent, yaml.AliasEvent
        self._starts = (yaml.MappingStartEvent, yaml.SequenceStartEvent)
        self._ends = (yaml.MappingEndEvent, yaml.SequenceEndEvent)
        self._document = yaml.DocumentStartEvent
        self._root: Node | None = None
        self._anchors: dict[str, Node] = {}
        self._stack: list[Node] = []
        self._keys: list[Node | None] = []
        self._count = 0

    def read(self, parser: Any) -> Node | None:
        documents = 0
        while parser.check_event():
            event = parser.get_event()
            kind = type(event)
            if kind in self._ends:
                self._stack.pop()
                self._keys.pop()
            elif kind is self._scalar or kind in self._starts or kind is self._alias:
                self._add(event, kind)
            elif kind is self._document:
                documents += 1
                if documents > 1:
                    line = event.start_mark.line + 1
                    raise BadYaml("a template is one document, here starts another", line, 1)
        return self._root

    def _add(self, event: Any, kind: type) -> None:
        mark = event.start_mark
        if kind is self._alias:
            if event.anchor not in self._anchors:
                raise BadYaml(f"no anchor is called &{event.anchor}", mark.line + 1, mark.column + 1)
            node = self._anchors[event.anchor]
        else:
            node = Node(mark.line + 1, mark.column + 1, event.tag)
            if event.anchor:
                self._anchors[event.anchor] = node
        self._attach(node)
        if kind is self._scalar:
            node.text = event.value
            node.is_plain = event.tag is None and event.implicit[0]
        elif kind in self._starts:
            if kind is self._starts[0]:
                node.entries = []
            else:
                node.items = []
            self._stack.append(node)
            self._keys.append(None)
            if len(self._stack) > MAX_DEPTH:
                raise BadYaml(f"nested more than {MAX_DEPTH} deep", node.line, node.column)

    def _attach(self, node: Node) -> None:
        self._count += 1
        if self._count > MAX_NODES:
            raise BadYaml(f"more than {MAX_NODES} values", node.line, node.column)
        if not self._stack:
            self._root = node
            return
        parent = self._stack[-1]
        if parent.items is not None:
            parent.items.append(node)
        elif (key := self._keys[-1]) is None:
            self._keys[-1] = node
        elif parent.entries is not None:
            parent.entries.append((key, node))
            self._keys[-1] = None


def scalar(text: str) -> str | int | float | bool | None:
    """What a plain scalar means in YAML 1.1, but for what JSON does not know.

    Dates stay text (the format version of a template looks like one), so do infinities and ``12:30``, which
    YAML 1.1 would read as a number to base 60.
    """
    if text[:1] in "-+.0123456789" and text:
        if len(text) > _MAX_DIGITS:
            return text
        if _INT.fullmatch(text):
            return _integer(text.replace("_", ""))
        if _FLOAT.fullmatch(text):
            number = float(text.replace("_", ""))
            return number if abs(number) != float("inf") else text
        return text
    return _WORDS.get(text, text)


def _integer(text: str) -> int | str:
    sign = -1 if text[0] == "-" else 1
    digits = text.lstrip("+-")
    try:
        if digits[:2] in ("0b", "0x"):
            return sign * int(digits[2:], 2 if digits[1] == "b" else 16)
        return sign * int(digits, 8 if digits[0] == "0" and len(digits) > 1 else 10)
    except ValueError:  # 0x_ and its like
        return text
