"""A template file as plain data that knows where each of its values stands."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field, replace
from typing import Any

from fun_local.errors import InvalidRequest, InvalidTemplate
from fun_local.template.nodes import MAX_DEPTH, MAX_NODES, BadYaml, Node, parse, scalar
from fun_local.template.problems import Problem, invalid_template

#: Bytes. ROS itself takes 512 KB; a template with its code inlined may be larger before it is packaged.
MAX_BYTES = 2_000_000

#: Where a value stands: mapping keys and list positions from the top.
Path = tuple[str | int, ...]

_SHORT_TAG = re.compile(r"!([A-Za-z][A-Za-z0-9]*)")
_YAML_TAG = "tag:yaml.org,2002:"


@dataclass(frozen=True, slots=True, eq=False)
class Document:
    """A template: ``data`` of dict, list, str, int, float, bool and None. Never change it in place.

    ``is_sent``: it came over the wire, so the files that it names are not here.
    """

    path: str
    data: dict[str, Any]
    root: Node | None = None
    is_sent: bool = field(default=False, kw_only=True)

    def position(self, path: Path) -> tuple[int, int]:
        """Line and column, from 1, of the key (or list item) at ``path``, or of its nearest ancestor."""
        return self._find(path)[0]

    def value_position(self, path: Path) -> tuple[int, int]:
        """As ``position``, but of the value, which may start on a later line than its key."""
        return self._find(path)[1]

    def problem(self, kind: str, path: Path, message: str, hint: str = "") -> Problem:
        """A problem with what stands at ``path``."""
        line, column = self.position(path)
        return Problem(kind, self.file(path), line, column, path_text(path), message, hint)

    def file(self, path: Path) -> str:
        """The file that ``position`` is about."""
        return self.path

    def with_data(self, data: dict[str, Any]) -> Document:
        """The same places, other values."""
        return replace(self, data=data)

    def _find(self, path: Path) -> tuple[tuple[int, int], tuple[int, int]]:
        if self.root is None:
            return (1, 1), (1, 1)
        key = node = self.root
        is_inside_tag = False
        for part in path:
            if not is_inside_tag and (name := _function(node.tag)):
                is_inside_tag = True
                if part == name:
                    continue
            if isinstance(part, str):
                found = node.entry(part) if node.entries is not None else None
            else:
                items = node.items or []
                found = (items[part], items[part]) if 0 <= part < len(items) else None
            if found is None:
                break
            (key, node), is_inside_tag = found, False
        return (key.line, key.column), (node.line, node.column)


def path_text(path: Path) -> str:
    """A path as people read it: its parts joined by ``/``."""
    return "/".join(str(part) for part in path)


def load(path: str) -> Document:
    """Read a template.

    Raises:
        InvalidRequest: the file can't be opened.
        InvalidTemplate: it is not UTF-8, not YAML, too large, or not a mapping.
    """
    try:
        with open(path, "rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise InvalidRequest("InvalidArgument", f"can't read {path}: {error.strerror}") from None
    if len(raw) > MAX_BYTES:
        raise _refused(path, f"larger than {MAX_BYTES // 1_000_000} MB")
    return parse_document(path, raw)


def parse_document(path: str, raw: bytes) -> Document:
    """Read the bytes of a template; ``path`` is what its problems will name as their file.

    Raises:
        InvalidTemplate: as in ``load``.
    """
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = raw[: error.start]
        column = len(before) - before.rfind(b"\n")
        raise _refused(path, "not UTF-8 text", before.count(b"\n") + 1, column) from None
    try:
        root = parse(text)
        if root is None:
            raise BadYaml("the file is empty", 1, 1)
        builder = _Builder(path)
        data = builder.value(root, (), 0)
    except BadYaml as error:
        raise _refused(path, error.message, error.line, error.column) from None
    if builder.problems:
        raise invalid_template(path, builder.problems)
    if not isinstance(data, dict) or _function(root.tag):
        raise _refused(path, "a template is a mapping of sections, this is not", root.line, root.column)
    return Document(os.fspath(path), data, root)


def _refused(path: str, message: str, line: int = 1, column: int = 1) -> InvalidTemplate:
    return invalid_template(path, [Problem("syntax", path, line, column, "", message)])


def _function(tag: str | None) -> str:
    """The long name of a short tag: ``!Ref`` is ``Ref``, ``!Sub`` is ``Fn::Sub``; empty for other tags."""
    match = _SHORT_TAG.fullmatch(tag) if tag else None
    if match is None:
        return ""
    return "Ref" if match[1] == "Ref" else f"Fn::{match[1]}"


class _Builder:
    """Nodes to data. What an alias names is built anew each time, and counted, so nothing is shared."""

    def __init__(self, file: str) -> None:
        self.problems: list[Problem] = []
        self._file = file
        self._count = 0

    def value(self, node: Node, path: Path, depth: int) -> Any:
        # Long text counts more: an alias makes it cheap to write a thousand times, but not to look through.
        self._count += 1 + len(node.text or "") // 64
        if self._count > MAX_NODES:
            raise BadYaml("with its aliases written out it is too large", node.line, node.column)
        if depth > MAX_DEPTH:
            message = f"nested more than {MAX_DEPTH} deep, or an alias inside what it names"
            raise BadYaml(message, node.line, node.column)
        tag = node.tag
        if node.text is not None:
            if node.is_plain:
                return scalar(node.text)
            built: Any = self._tagged_scalar(node, path) if tag else node.text
        elif node.items is not None:
            items = node.items
            built = [self.value(item, (*path, i), depth + 1) for i, item in enumerate(items)]
        else:
            built = self._mapping(node, path, depth)
        if tag:
            if name := _function(tag):
                is_pair = name == "Fn::GetAtt" and isinstance(built, str)
                return {name: built.split(".", 1) if is_pair else built}
            if not tag.startswith(_YAML_TAG) and tag != "!":
                self._problem(node, path, f"the tag {tag} has no meaning in a template")
        return built

    def _tagged_scalar(self, node: Node, path: Path) -> Any:
        text, tag = node.text or "", node.tag or ""
        if _function(tag):
            return scalar(text)
        kind = tag.removeprefix(_YAML_TAG)
        if kind in ("int", "float", "bool", "null"):
            return scalar(text)
        if kind not in ("str", "!", "timestamp") and tag.startswith(_YAML_TAG):
            self._problem(node, path, f"the tag !!{kind} has no meaning in a template")
        return text

    def _mapping(self, node: Node, path: Path, depth: int) -> dict[str, Any]:
        own: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for key_node, value_node in node.entries or ():
            key = key_node.text
            if key is None:
                self._problem(key_node, path, "a key must be text")
            elif key_node.is_merge:
                sources = value_node.items if value_node.items is not None else [value_node]
                for source in sources:
                    if source.entries is None:
                        self._problem(source, path, "only mappings can be merged with <<")
                        continue
                    for name, value in self.value(source, path, depth + 1).items():
                        merged.setdefault(name, value)
            elif key in own:
                first = next(other for other, _ in node.entries or () if other.text == key)
                self._problem(
                    key_node, (*path, key), f"this key is there twice, the other is in line {first.line}"
                )
            else:
                own[key] = self.value(value_node, (*path, key), depth + 1)
        return {**merged, **own} if merged else own

    def _problem(self, node: Node, path: Path, message: str) -> None:
        problem = Problem("syntax", self._file, node.line, node.column, path_text(path), message)
        self.problems.append(problem)
